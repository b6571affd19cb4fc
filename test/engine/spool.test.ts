import { expect, test } from 'vitest';
import { Spool } from '../../src/engine/http/spool.ts';
import type { BodyWriter } from '../../src/ports.ts';

test('a body is written to its end, whatever its listener throws', async () => {
  const written: number[] = [];
  const body = { bytes: 3 } as never;
  const writer: BodyWriter = {
    append: async (chunk) => void written.push(...chunk),
    finish: async () => body,
    read: async () => new Uint8Array(),
    discard: () => {},
  };
  const told = new Promise((resolve) => process.once('unhandledRejection', resolve));
  let calls = 0;
  const advanced = () => {
    if (++calls === 1) throw new Error('of the listener');
  };
  const spool = new Spool(writer, { advanced, failed: () => {} });
  for (const byte of [1, 2, 3]) spool.append(new Uint8Array([byte]));
  expect(await spool.finish()).toBe(body);
  expect(written).toEqual([1, 2, 3]);
  expect(await told).toMatchObject({ message: 'of the listener' });
});
