// One AbortSignal that many callers wait with.

import { describe, expect, test } from 'vitest';
import { cacheBench } from './bench.ts';

/** Counts what the platform is asked; each listener more costs a look through all that are there. */
function countedSignal() {
  const abort = new AbortController();
  const { signal } = abort;
  const counts = { listening: 0, most: 0 };
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...given: unknown[]) => {
    counts.most = Math.max(counts.most, ++counts.listening);
    Reflect.apply(addEventListener, signal, given);
  };
  signal.removeEventListener = (...given: unknown[]) => {
    counts.listening--;
    Reflect.apply(removeEventListener, signal, given);
  };
  return { abort, signal, counts };
}

describe.each([true, false])('10,000 callers with one signal, enabled: %s', (enabled) => {
  const CALLERS = 10_000;

  test('have one listener, which goes with the last of them', async () => {
    const { cache } = cacheBench({ enabled });
    const { signal, counts } = countedSignal();
    const source = Promise.withResolvers<number>();
    const all = Array.from({ length: CALLERS }, () => cache.getOrSet('k', () => source.promise, { signal }));
    expect(counts).toEqual({ listening: 1, most: 1 });
    source.resolve(7);
    expect(new Set(await Promise.all(all))).toEqual(new Set([7]));
    expect(counts).toEqual({ listening: 0, most: 1 });
  });

  test('all leave when it aborts, and who came without it stays', async () => {
    const { cache } = cacheBench({ enabled });
    const { abort, signal } = countedSignal();
    const source = Promise.withResolvers<number>();
    const other = cache.getOrSet('k', () => source.promise);
    const all = Array.from({ length: CALLERS }, () => cache.getOrSet('k', () => source.promise, { signal }));
    abort.abort(new Error('left'));
    const left = await Promise.allSettled(all);
    expect(left.filter((one) => one.status === 'rejected' && one.reason.message === 'left')).toHaveLength(CALLERS);
    source.resolve(7);
    expect(await other).toBe(7);
  });
});
