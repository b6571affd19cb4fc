// The least rate, and reading ahead, without a connection.

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ReadAhead, uploadRoom } from '../../src/node/front/http1/read-ahead.ts';
import { MinRate, RateWatch } from '../../src/node/front/min-rate.ts';
import { UploadSpool } from '../../src/node/front/upload-spool.ts';
import { manualTime } from './manual-time.ts';

describe('the least rate', () => {
  function rated() {
    const { clock, tasks, ...time } = manualTime();
    const slow: string[] = [];
    const bound = { bytesPerSecond: 500, windowMs: 20_000 };
    const watch = new RateWatch(bound, { monotonic: () => clock.monotonic(), tasks });
    const rate = new MinRate(watch, (got) => slow.push(got));
    return { rate, slow, time };
  }

  test('cuts who sends a byte every 3 s, after the first window', () => {
    const { rate, slow, time } = rated();
    for (let second = 0; second < 21; second += 3) {
      rate.wait();
      time.advance(3_000);
      rate.came(1);
    }
    expect(slow).toEqual(['6 bytes in 20000 ms']);
    expect(time.pending()).toBe(0);
  });

  test('lets go on who sends enough, however it is spread over a window, and cuts when it stops', () => {
    const { rate, slow, time } = rated();
    for (let window = 0; window < 5; window++) {
      rate.wait();
      time.advance(15_000);
      rate.came(10_000);
      rate.wait();
      time.advance(5_000);
    }
    expect(slow).toEqual([]);
    time.advance(20_000);
    expect(slow).toEqual(['0 bytes in 20000 ms']);
  });

  test('does not count time in which nobody waits for the client', () => {
    const { rate, slow, time } = rated();
    rate.wait();
    time.advance(100);
    rate.came(1);
    time.advance(1_000_000);
    expect(slow).toEqual([]);
    rate.stop();
    expect(time.pending()).toBe(0);
  });
});

describe('reading ahead', () => {
  async function* pieces(...sizes: number[]) {
    let at = 0;
    for (const size of sizes) yield Buffer.alloc(size, 65 + at++);
  }

  async function spoolOf(maxBytes: number) {
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-uploads-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const faults: unknown[] = [];
    const spool = new UploadSpool({ folder: join(folder, 'uploads'), maxBytes, fault: (error) => faults.push(error) });
    return { spool, faults, names: () => readdir(join(folder, 'uploads')) };
  }

  function roomOf(maxBytes: number, spool?: UploadSpool) {
    const held = { bytes: 0, most: 1e9 };
    const budget = {
      reserve: (_kind: string, bytes: number) => {
        if (held.bytes + bytes > held.most) return false;
        held.bytes += bytes;
        return true;
      },
      release: (_kind: string, bytes: number) => {
        held.bytes -= bytes;
      },
    };
    const limits = { bufferedRequestBytes: maxBytes, minRequestRate: 0, minRequestRateWindowMs: 1 };
    return { held, room: uploadRoom(limits, budget, spool) };
  }

  async function taken(content: AsyncIterable<Uint8Array>): Promise<string> {
    const all: Uint8Array[] = [];
    for await (const piece of content) all.push(piece);
    return Buffer.concat(all)
      .toString()
      .replace(/(.)\1*/g, (run, byte) => `${byte}${run.length} `);
  }

  test('content that fits is there before it goes on, and its room is given back as it goes', async () => {
    const { held, room } = roomOf(10_000);
    const ahead = new ReadAhead(pieces(3_000, 4_000), room);
    await ahead.fill();
    expect(held.bytes).toBeGreaterThanOrEqual(7_000);
    expect(await taken(ahead)).toBe('A3000 B4000 ');
    expect(held.bytes).toBe(0);
    expect(room.counts).toEqual({ buffered: 1, spooled: 0, streamed: 0, slow: 0 });
  });

  test('longer content goes to a file without a name, in order, which is gone afterwards', async () => {
    const { spool, names } = await spoolOf(1e6);
    const { held, room } = roomOf(5_000, spool);
    const ahead = new ReadAhead(pieces(3_000, 100_000, 70_000, 10), room);
    await ahead.fill();
    expect(spool.bytes).toBe(170_010);
    expect(await names()).toEqual([]);
    expect(await taken(ahead)).toBe('A3000 B100000 C70000 D10 ');
    expect([spool.bytes, held.bytes, room.counts.spooled]).toEqual([0, 0, 1]);
  });

  test.each([
    ['there is no disk', undefined],
    ['the disk has no more room', 60_000],
  ])('where %s, the rest goes on as it comes', async (_why, diskBytes) => {
    const { spool } = await spoolOf(diskBytes ?? 0);
    const { held, room } = roomOf(5_000, diskBytes === undefined ? undefined : spool);
    let asked = 0;
    async function* counted() {
      for await (const piece of pieces(3_000, 50_000, 50_000, 50_000)) {
        asked++;
        yield piece;
      }
    }
    const ahead = new ReadAhead(counted(), room);
    await ahead.fill();
    expect(asked).toBe(diskBytes === undefined ? 2 : 3);
    expect(await taken(ahead)).toBe('A3000 B50000 C50000 D50000 ');
    expect([spool.bytes, held.bytes, room.counts.streamed]).toEqual([0, 0, 1]);
  });

  test('a disk that cannot be written costs the reading ahead, and is told', async () => {
    const faults: unknown[] = [];
    const spool = new UploadSpool({ folder: '/dev/null/no', maxBytes: 1e6, fault: (error) => faults.push(error) });
    const { room } = roomOf(0, spool);
    const ahead = new ReadAhead(pieces(100, 200), room);
    await ahead.fill();
    expect(await taken(ahead)).toBe('A100 B200 ');
    expect(faults).toHaveLength(1);
    expect(spool.bytes).toBe(0);
  });

  test('no room in the budget counts as too long; single bytes cost more than a byte each', async () => {
    const { held, room } = roomOf(100_000);
    held.most = 1_000;
    const ahead = new ReadAhead(pieces(...Array<number>(10).fill(1)), room);
    await ahead.fill();
    expect(room.counts.streamed).toBe(1);
    expect(await taken(ahead)).toBe('A1 B1 C1 D1 E1 F1 G1 H1 I1 J1 ');
    expect(held.bytes).toBe(0);
  });

  test('when the exchange ends, what nobody has begun to read is dropped', async () => {
    const { spool } = await spoolOf(1e6);
    const { held, room } = roomOf(5_000, spool);
    const ahead = new ReadAhead(pieces(3_000, 3_000), room);
    await ahead.fill();
    ahead.drop();
    expect([held.bytes, spool.bytes]).toEqual([0, 0]);
    await expect(taken(ahead)).rejects.toThrow('expected an exchange under way, got its end');
  });

  test('whole content goes on to a reader that has begun; a part does not', async () => {
    const { held, room } = roomOf(10_000);
    const whole = new ReadAhead(pieces(1_000, 1_000), room);
    await whole.fill();
    const reader = whole[Symbol.asyncIterator]();
    await reader.next();
    whole.drop();
    expect((await reader.next()).value?.length).toBe(1_000);
    expect((await reader.next()).done).toBe(true);
    const part = new ReadAhead(pieces(1_000, 1_000, 9_000, 1_000), room);
    await part.fill();
    const other = part[Symbol.asyncIterator]();
    await other.next();
    part.drop();
    await expect(other.next()).rejects.toThrow('got its end');
    expect(held.bytes).toBe(0);
  });

  test('a reader that gives up gives the room back', async () => {
    const { held, room } = roomOf(10_000);
    const ahead = new ReadAhead(pieces(1_000, 1_000), room);
    await ahead.fill();
    for await (const _ of ahead) break;
    expect(held.bytes).toBe(0);
  });
});
