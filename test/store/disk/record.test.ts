import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Entry } from '../../../src/entry/stored-response.ts';
import {
  decodeRecord,
  encodeRecord,
  isListRecord,
  recordHeader,
} from '../../../src/store/disk/segments/segment-record.ts';
import { getKey, storedResponse, varied } from '../../contract/store-contract.ts';
import { anyEntry, plainEntry } from '../../kit/any-entry.ts';

function recordOf(entry: Entry, generation: number): Buffer {
  const { prefix, content, bytes } = encodeRecord(entry, generation);
  const record = Buffer.concat([prefix, content]);
  expect(record.length).toBe(bytes);
  return record;
}

describe('a record', () => {
  it('gives the entry back exactly', () => {
    fc.assert(
      fc.property(anyEntry, fc.integer({ min: 1, max: 2 ** 48 }), (entry, generation) => {
        const decoded = decodeRecord(recordOf(entry, generation), { generation, key: entry.key });
        expect(plainEntry(decoded)).toStrictEqual(plainEntry(entry));
      }),
    );
  });

  it('is not taken for one of another generation or key', () => {
    const record = recordOf(storedResponse(getKey('http://h/a')), 7);
    const key = getKey('http://h/a');
    expect(decodeRecord(record, { generation: 8, key })).toBe('generation');
    for (const other of [getKey('http://h/b'), `${key}b`, key.slice(0, -1), '']) {
      expect(decodeRecord(record, { generation: 7, key: other })).toBe('key');
    }
    expect(decodeRecord(record, { generation: 7, key: undefined })).toMatchObject({ key });
  });

  it('is refused when one bit of it is another, or its end is missing', () => {
    const key = getKey('http://h/a');
    const record = recordOf(storedResponse(key, 'some body', ['tag']), 7);
    for (let bit = 0; bit < 8 * record.length; bit++) {
      const damaged = Buffer.from(record);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      expect(typeof decodeRecord(damaged, { generation: 7, key })).toBe('string');
    }
    for (let length = 0; length < record.length; length++) {
      expect(decodeRecord(record.subarray(0, length), { generation: 7, key })).toBe('form');
    }
  });

  it('shares the terms of entries that have the same', () => {
    const read = (key: string) => decodeRecord(recordOf(storedResponse(key), 1), { generation: 1, key }) as Entry;
    const [one, other] = [read('a'), read('b')];
    expect(one.kind === 'response' && other.kind === 'response' && one.terms === other.terms).toBe(true);
  });

  it('says in its beginning what it is', () => {
    fc.assert(
      fc.property(anyEntry, (entry) => {
        const record = recordOf(entry, 9);
        const start = record.subarray(0, 40 + 2 * entry.key.length);
        expect(recordHeader(start)).toEqual({ generation: 9, bytes: record.length, key: entry.key });
        expect(isListRecord(start)).toBe(entry.kind === 'variants');
      }),
    );
    expect(recordHeader(Buffer.alloc(100))).toBe(undefined);
    expect(isListRecord(recordOf(varied('k', ['de'])[0], 1))).toBe(true);
  });
});
