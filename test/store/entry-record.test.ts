// The bytes of an entry. On every platform they are those of the disk tier, and whatever is read never throws.

import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Entry } from '../../src/entry/stored-response.ts';
import { decodeRecord, encodeRecord } from '../../src/store/disk/segments/segment-record.ts';
import { decodeEntry, encodeEntry } from '../../src/store/entry-record.ts';
import { digestOf, PORTABLE } from '../../src/store/portable-bytes.ts';
import { getKey, storedResponse, varied } from '../contract/store-contract.ts';
import { anyEntry, plainEntry } from '../kit/any-entry.ts';

function portable(entry: Entry, generation = 0): Uint8Array {
  const { prefix, content, bytes } = encodeEntry(entry, generation, PORTABLE);
  expect(prefix.length + content.length).toBe(bytes);
  return Uint8Array.from([...prefix, ...content]);
}

function onDisk(entry: Entry, generation: number): Buffer {
  const { prefix, content } = encodeRecord(entry, generation);
  return Buffer.concat([prefix, content]);
}

/** With a checksum that fits, as if somebody had meant it. */
function sealed(record: Uint8Array): Uint8Array {
  const bytes = record.slice();
  new DataView(bytes.buffer).setUint32(4, crc32(bytes.subarray(8)), true);
  return bytes;
}

describe('a record', () => {
  it('is byte by byte the one on the disk, and each reads that of the other', () => {
    fc.assert(
      fc.property(anyEntry, fc.integer({ min: 0, max: 2 ** 48 }), (entry, generation) => {
        const record = portable(entry, generation);
        expect(Buffer.from(record).equals(onDisk(entry, generation))).toBe(true);
        const expected = { generation, key: entry.key };
        expect(plainEntry(decodeEntry(record, expected, PORTABLE))).toStrictEqual(plainEntry(entry));
        expect(plainEntry(decodeRecord(Buffer.from(record), expected))).toStrictEqual(plainEntry(entry));
      }),
    );
  });

  it('has the bytes that it has always had: older disks are read', () => {
    const key = getKey('http://h/a');
    const entries: readonly Entry[] = [
      storedResponse(key, 'some body \u{1f30a}', ['tag', 'täg', '日本']),
      { ...storedResponse(key, ''), large: { id: 'body-1', bytes: 5e9 }, strongModified: true },
      varied(key, ['de', 'en'])[0],
    ];
    const hash = createHash('sha256');
    for (const [at, entry] of entries.entries()) hash.update(portable(entry, at + 7));
    expect(hash.digest('hex')).toBe('8f0791a948ac6e61d5a225867a98a214f80deee33fe3d5f2de58f598f533cd99');
  });

  it('gives texts that are longer than any list of arguments', () => {
    for (const letter of ['k', '日']) {
      const entry = storedResponse(getKey('http://h/a'), '', [letter.repeat(100_000)]);
      expect(decodeEntry(portable(entry), { generation: 0, key: entry.key }, PORTABLE)).toMatchObject({
        tags: entry.tags,
      });
    }
  });

  it('is refused when a bit of it is another, its end is missing, or its format is newer', () => {
    const entry = storedResponse(getKey('http://h/a'), 'some body', ['tag']);
    const record = portable(entry);
    const read = (bytes: Uint8Array) => decodeEntry(bytes, { generation: 0, key: entry.key }, PORTABLE);
    for (let bit = 0; bit < 8 * record.length; bit++) {
      const damaged = record.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      expect(typeof read(damaged)).toBe('string');
    }
    for (let length = 0; length < record.length; length++) expect(read(record.subarray(0, length))).toBe('form');
    const newer = record.slice();
    newer[8] = 2;
    expect(read(sealed(newer))).toBe('form');
  });

  it('never throws, whatever the bytes are, though their checksum is right', () => {
    const change = fc.record({ at: fc.nat(300), byte: fc.integer({ min: 0, max: 255 }) });
    fc.assert(
      fc.property(anyEntry, fc.array(change, { minLength: 1, maxLength: 6 }), (entry, changes) => {
        const record = portable(entry);
        for (const { at, byte } of changes) if (at > 8 && at < record.length) record[at] = byte;
        decodeEntry(sealed(record), { generation: 0, key: undefined }, PORTABLE);
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(typeof decodeEntry(bytes, { generation: 0, key: undefined }, PORTABLE)).toBe('string');
      }),
    );
  });
});

describe('without Node', () => {
  it('checksums and digests are those of Node', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), fc.uint8Array(), async (one, other) => {
        expect(PORTABLE.crc32(one)).toBe(crc32(one));
        expect(PORTABLE.crc32(other, PORTABLE.crc32(one))).toBe(crc32(other, crc32(one)));
        expect(await digestOf(one)).toBe(createHash('sha256').update(one).digest('hex'));
      }),
    );
    expect(await digestOf('日本')).toBe(createHash('sha256').update('日本').digest('hex'));
  });
});
