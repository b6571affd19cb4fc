// Names, notes and end marks: what is written is read back, and nothing else is.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EndMarkReader, nameText, noteOf, noteText, parseName, withEndMark } from '../../src/workers/cached-answer.ts';

const part = fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme-ascii' });

test('a name is read back, and two names have one text only if they are one', () => {
  const name = fc.record({ shard: part, epoch: part, position: fc.nat(), key: part });
  fc.assert(
    fc.property(name, name, (one, other) => {
      expect(parseName(nameText(one) ?? '')).toEqual(one);
      expect(nameText(one) === nameText(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
    }),
  );
});

test('what is no name is none, a name of another format neither', () => {
  const texts = [
    '',
    '/tidegate/2/s/e/1',
    '/tidegate/2/s/e/x/k',
    '/tidegate/2/%/e/1/k',
    '/tidegate/1/s/e/1/k',
    '/s/e/1/k',
  ];
  expect(texts.map(parseName)).toEqual(texts.map(() => undefined));
  expect([parseName(null), parseName('/tidegate/2/s/e/1/k')]).toEqual([
    undefined,
    { shard: 's', epoch: 'e', position: 1, key: 'k' },
  ]);
  expect(nameText({ shard: 's', epoch: 'e', position: 1, key: 'k'.repeat(4_096) })).toBeUndefined();
});

test('a note is read back from a field, whatever characters it has', () => {
  const text = fc.string({ maxLength: 30, unit: 'binary' });
  const notes = fc.record({ name: text, readAt: fc.nat(), status: fc.constant(200), variant: text });
  fc.assert(
    fc.property(notes, fc.array(text), (given, fields) => {
      const note = { ...given, fields, bornMs: undefined };
      const headers = { 'tidegate-stored-note': noteText(note) ?? '' };
      expect(noteOf(new Response(null, { headers }))).toEqual({ ...given, fields });
    }),
  );
});

test.each(['', '{', 'null', '[]', '{"status":200}', '{"status":404,"fields":[],"readAt":1}'])(
  '%j is no note',
  (text) => {
    expect(noteOf(new Response(null, { headers: { 'tidegate-stored-note': text } }))).toBeUndefined();
  },
);

test('a body comes through its end mark in any portions, and one that is cut anywhere is not whole', async () => {
  const bodies = fc.uint8Array({ maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(bodies, fc.array(fc.integer({ min: 1, max: 12 })), fc.nat(60), async (body, sizes, cutAt) => {
      const marked = new Uint8Array(await new Response(withEndMark(new Response(body.slice()).body)).arrayBuffer());
      const read = (bytes: Uint8Array) => {
        const reader = new EndMarkReader();
        const pieces: Uint8Array[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const size = sizes[turn % Math.max(1, sizes.length)] ?? 5;
          pieces.push(...reader.take(bytes.subarray(at, at + size)));
          at += size;
        }
        return { isWhole: reader.isWhole, body: [...Buffer.concat(pieces)] };
      };
      expect(read(marked)).toEqual({ isWhole: true, body: [...body] });
      if (cutAt < marked.length) expect(read(marked.subarray(0, cutAt)).isWhole).toBe(false);
    }),
  );
});
