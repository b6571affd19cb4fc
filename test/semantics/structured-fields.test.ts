// The reader of Structured Fields against the library that follows the RFC's own test cases.

import fc from 'fast-check';
import * as library from 'structured-headers';
import { describe, expect, it } from 'vitest';
import { type Bare, parseDictionary, parseList } from '../../src/semantics/structured-fields.ts';

/** What the library says, as far as it is read here. */
function seen([value]: library.Item | library.InnerList): Bare {
  if (value === true || typeof value === 'number' || typeof value === 'string') return value;
  return value instanceof library.Token ? { token: value.toString() } : undefined;
}

function orNothing<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}

function agrees(text: string): void {
  const list = orNothing(() => library.parseList(text).map(seen));
  expect([text, parseList(text)]).toEqual([text, list]);
  const dictionary = orNothing(() => [...library.parseDictionary(text)].map(([key, one]) => [key, seen(one)]));
  const own = parseDictionary(text);
  expect([text, own && [...own]]).toEqual([text, dictionary]);
}

// The library refuses a Date with anything behind it, so Dates have cases of their own.
const BARE = [
  ...['1', '-0', '0.5', '-12.345', '1.2345', '1.', '.5', '-', '123456789012345', '1234567890123456'],
  ...['123456789012.125', '1234567890123.1', '"a"', '""', '"a\\"b\\\\"', '"\\x"', '"é"', '"open', '"\t"'],
  ...['tok', '*', 'a/b:c', 'Tok~1', '?1', '?0', '?2', '?', ':aGVsbG8=:', '::', ':a:', ':=:', ':aGVs bG8=:', ':open'],
  ...['%"f%c3%bc"', '%"%c3"', '%"%C3%BC"', '%"a"', '%"open', '%"%ed%a0%80"', '%"é"'],
];
const PARTS = [
  ...BARE,
  ...['a', 'max-age', '*k', 'K', '_', 'a.b_c-*', '=', '=', ',', ', ', ' ,', ',\t', ';', '; ', ';\t', ' ', '\t'],
  ...['(', ')', '(1 2)', '()', '( a  b )', '(a;x b);y', '(1,2)', '((1))', '(a\tb)', 'é', '\\', '\0', '@', '%'],
];
const member = fc.tuple(fc.constantFrom('a=', 'b=', '*=', 'max-age=', '', 'k'), fc.constantFrom(...PARTS));
const regular = fc
  .array(fc.tuple(member, fc.constantFrom('', ';p', ';p=1', '; q="x";r', ';P'), fc.constantFrom(',', ', ', '\t,', ' ')))
  .map((all) => all.map(([[key, part], parameters, end]) => `${key}${part}${parameters}${end}`).join(''));

describe('structured fields', () => {
  it('are read as by the library', () => {
    fc.assert(
      fc.property(
        regular.map((text) => text.replace(/[, \t]$/, '')),
        agrees,
      ),
      { numRuns: 3_000 },
    );
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...PARTS), { maxLength: 12 }).map((all) => all.join('')),
        agrees,
      ),
      {
        numRuns: 5_000,
      },
    );
    fc.assert(
      fc.property(fc.string({ maxLength: 12, unit: fc.constantFrom(...'a1"\\?:@%=;,() \t.-*A+é') }), (text) => {
        if (!text.includes('@')) agrees(text);
      }),
      { numRuns: 10_000 },
    );
  });

  it('may hold Dates, with something behind them too', () => {
    expect(parseDictionary('a=@1, max-age=2')).toEqual(
      new Map([
        ['a', undefined],
        ['max-age', 2],
      ]),
    );
    expect(parseList('@-12;x, 1')).toEqual([undefined, 1]);
    for (const none of ['@', '@1.5', '@-', '@1234567890123456', '@a']) expect(parseList(none)).toBeUndefined();
  });

  it('are read in time that grows with their length alone', () => {
    const inner = `(${'a;b=c '.repeat(20_000)}`;
    expect(parseList(inner)).toBeUndefined();
    expect(parseList(`${inner})`)).toEqual([undefined]);
    expect(parseList(`"${'\\"'.repeat(50_000)}`)).toBeUndefined();
  });
});
