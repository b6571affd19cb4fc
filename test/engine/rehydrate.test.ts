import { describe, expect, it } from 'vitest';
import { Rehydrator } from '../../src/engine/populate/rehydrate.ts';
import { FRESH, type GateBench, gateBench } from '../kit/gate-bench.ts';

describe('rehydration', () => {
  it('hands over what an invalidation has made outdated and clients had asked for, the most used first', async () => {
    const filled: string[][] = [];
    const bench: GateBench = gateBench(
      {},
      {
        rehydrator: new Rehydrator({
          usesOf: (key) => bench.memory.usesOf(key),
          maxEntries: () => 2,
          fill: (entries) => void filled.push(entries.map(({ key, uses }) => `${key.split(' ').at(-1)} ${uses}`)),
        }),
      },
    );
    for (const [path, hits] of [
      ['/1', 1],
      ['/2', 2],
      ['/0', 0],
      ['/3', 3],
    ] as const) {
      bench.get(path);
      bench.origin.last.answer(200, [...FRESH, 'cache-tag', 'all'], 'old');
      for (let hit = 0; hit < hits; hit++) bench.get(path);
    }
    await bench.gate.invalidate({ kind: 'tag', tag: 'all' });
    expect(filled).toEqual([['http://example.org/3 3', 'http://example.org/2 2']]);
    bench.get('/3');
    bench.origin.last.answer(200, [...FRESH, 'cache-tag', 'new'], 'new');
    await bench.gate.invalidate({ kind: 'tag', tag: 'new' });
    await bench.gate.purge({ kind: 'all' });
    expect(filled).toHaveLength(1);
  });

  it('keeps to the budget among equals', async () => {
    const handed: number[] = [];
    const bench: GateBench = gateBench(
      {},
      {
        rehydrator: new Rehydrator({
          usesOf: () => 1,
          maxEntries: () => 3,
          fill: (entries) => void handed.push(entries.length),
        }),
      },
    );
    for (let at = 0; at < 10; at++) {
      bench.get(`/${at}`);
      bench.origin.last.answer(200, FRESH, 'old');
    }
    await bench.gate.invalidate({ kind: 'all' });
    expect(handed).toEqual([3]);
  });

  it('follows a write, once nothing keeps its entries from being stored', () => {
    const filled: string[][] = [];
    const bench: GateBench = gateBench(
      {},
      {
        rehydrator: new Rehydrator({
          usesOf: (key) => bench.memory.usesOf(key),
          maxEntries: () => 10,
          fill: (entries) => void filled.push(entries.map(({ key }) => key.split(' ').at(-1) as string)),
        }),
      },
    );
    for (const path of ['/a', '/b']) {
      bench.get(path);
      bench.origin.last.answer(200, FRESH, 'old');
      bench.get(path);
    }
    bench.ask({ method: 'PUT', path: '/a' });
    expect(filled).toEqual([]);
    bench.origin.last.answer(204);
    expect(filled).toEqual([['http://example.org/a']]);
    bench.ask({ method: 'PUT', path: '/b' });
    bench.origin.last.fail('E_ORIGIN_RESET');
    expect(filled).toHaveLength(1);
    bench.time.advance(30_000);
    expect(filled.slice(1)).toEqual([['http://example.org/b']]);
  });
});

it('what a tracker reports is filled again, an entry of several tags once', async () => {
  const filled: string[][] = [];
  const bench: GateBench = gateBench(
    {},
    {
      rehydrator: new Rehydrator({
        usesOf: (key) => bench.memory.usesOf(key),
        maxEntries: () => 10,
        fill: (entries) => void filled.push(entries.map(({ key }) => key.split(' ').at(-1) as string)),
      }),
    },
  );
  let sequence = 0;
  let token: string | undefined;
  const report = async (tags: readonly string[]) => {
    const told = { source: 'shop', session: 's', sequence: ++sequence, leaseMs: 1000, tags };
    token = (await bench.gate.reportSource({ ...told, ...(token !== undefined && { token }) })).token;
  };
  await report([]);
  await report([]);
  for (const path of ['/asked', '/unasked']) {
    bench.get(path);
    bench.origin.last.answer(200, [...FRESH, 'cache-tag', 'q1, q2, tg-source:shop'], 'old');
  }
  bench.get('/asked');
  await report(['q1', 'q2', 'q3']);
  expect(filled).toEqual([['http://example.org/asked']]);
});
