// Messages of pgoutput, positions and numbers of transactions, without a server.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readPgoutput } from '../../src/feed/postgres/logical/pgoutput.ts';
import { lsnOf, lsnText, placeOf, positionOf, snapshotOf, wholeTransaction } from '../../src/feed/postgres/position.ts';

const text = new TextEncoder();

function message(...parts: readonly (string | number | Uint8Array)[]): Uint8Array {
  const bytes = parts.flatMap((part) =>
    typeof part === 'string'
      ? [...text.encode(part)]
      : typeof part === 'number'
        ? [part >>> 24, (part >>> 16) & 255, (part >>> 8) & 255, part & 255]
        : [...part],
  );
  return new Uint8Array(bytes);
}

const bytes = (...values: readonly number[]) => new Uint8Array(values);

describe('a message', () => {
  test('of a row with a text, a null, an unchanged value and one that is no UTF-8', () => {
    const row = [bytes(0, 4), 't', 3, '\u{feff}', 'n', 'u', 't', 1, bytes(0xff)];
    const read = readPgoutput(message('I', 7, 'N', ...row), 0);
    expect(read).toEqual({ kind: 'insert', relation: 7, new: ['\u{feff}', null, undefined, undefined] });
  });

  test('of several relations, and of what does not matter', () => {
    expect(readPgoutput(message('T', 2, bytes(3), 5, 6), 0)).toEqual({ kind: 'truncate', relations: [5, 6] });
    for (const letter of ['Y', 'O']) expect(readPgoutput(message(letter, 1), 0)).toEqual({ kind: 'other' });
  });

  test.each([
    [1, true],
    [0, false],
  ])('of an application, flags %i', (flags, isTransactional) => {
    const told = message('M', bytes(flags), bytes(0, 0, 0, 0, 0, 0, 0, 9), 'tidegate schema', 3, 'abc');
    expect(readPgoutput(told, 0)).toEqual({ kind: 'message', isTransactional, prefix: 'tidegate schema' });
  });

  test.each([
    ['of no known kind', message('?')],
    ['that ends too soon', message('I', 7, 'N', bytes(0, 1), 't', 100, 'abc')],
    ['whose name does not end', message('R', 7, 'public')],
    ['with a value of no known kind', message('I', 7, 'N', bytes(0, 1), 'x')],
    ['with a row where none may be', message('I', 7, 'O', bytes(0, 0))],
    ['without anything', bytes()],
  ])('%s is an error', (_, broken) => {
    expect(() => readPgoutput(broken, 0)).toThrow(expect.objectContaining({ code: 'E_FEED' }));
  });

  test('of random bytes is read or is an error with a code', () => {
    fc.assert(
      fc.property(fc.constantFrom(...'BCRIUDTYOM'), fc.uint8Array({ maxLength: 60 }), (letter, rest) => {
        try {
          readPgoutput(message(letter, rest), 0);
        } catch (error) {
          expect(error).toMatchObject({ code: 'E_FEED' });
        }
      }),
    );
  });
});

test('32 bits of a transaction are made whole near another, across the end of an epoch', () => {
  expect(wholeTransaction(5, 0x1_0000_0010n)).toBe(0x1_0000_0005n);
  expect(wholeTransaction(0xffff_fff0, 0x1_0000_0010n)).toBe(0xffff_fff0n);
  expect(wholeTransaction(0x10, 0xffff_fff0n)).toBe(0x1_0000_0010n);
  const number = fc.bigInt({ min: 2n ** 33n, max: 2n ** 60n });
  const apart = fc.bigInt({ min: -(2n ** 31n) + 1n, max: 2n ** 31n - 1n });
  fc.assert(
    fc.property(number, apart, (reference, distance) => {
      const whole = reference + distance;
      expect(wholeTransaction(Number(BigInt.asUintN(32, whole)), reference)).toBe(whole);
    }),
  );
});

test('a position says all that it is made of, and sorts by the log', () => {
  const place = fc.record({
    source: fc.constant('a'.repeat(24)),
    lsn: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    order: fc.nat(0xffff),
    schema: fc.constantFrom('00000000', 'ffffffff'),
  });
  fc.assert(
    fc.property(place, place, (left, right) => {
      expect(placeOf(positionOf(left))).toEqual(left);
      expect(lsnOf(lsnText(left.lsn))).toBe(left.lsn);
      const isBefore = left.lsn < right.lsn || (left.lsn === right.lsn && left.order < right.order);
      if (isBefore) expect(positionOf(left) < positionOf(right)).toBe(true);
    }),
  );
  expect(placeOf('elsewhere')).toBeUndefined();
});

test('a snapshot is read', () => {
  expect(snapshotOf('10:20:10,14')).toEqual({ kind: 'snapshot', below: 20n, running: new Set([10n, 14n]) });
  expect(snapshotOf('10:10:').running.size).toBe(0);
});
