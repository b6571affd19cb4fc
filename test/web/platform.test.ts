// Timers that may be lost with the request in which they were set, as on Workers.

import { afterEach, describe, expect, test, vi } from 'vitest';
import { createFetchCache } from '../../src/web/fetch.ts';
import { universalPlatform } from '../../src/web/platform.ts';
import { FRESH, get, outcome, text } from './kit.ts';

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('work for later', () => {
  test('runs by its timer, once', () => {
    vi.useFakeTimers();
    const { tasks, catchUp } = universalPlatform();
    let runs = 0;
    tasks.later(1_000, () => runs++);
    tasks.later(1_000, () => runs++)();
    vi.advanceTimersByTime(999);
    catchUp();
    expect(runs).toBe(0);
    vi.advanceTimersByTime(1);
    catchUp();
    expect(runs).toBe(1);
  });

  test('whose timer was lost runs when it is caught up with', () => {
    vi.useFakeTimers();
    const { tasks, catchUp } = universalPlatform();
    const done: string[] = [];
    tasks.later(2_000, () => done.push('second'));
    tasks.later(1_000, () => done.push('first'));
    vi.clearAllTimers();
    vi.advanceTimersByTime(1_500);
    catchUp();
    expect(done).toEqual(['first']);
    vi.advanceTimersByTime(1_500);
    catchUp();
    catchUp();
    expect(done).toEqual(['first', 'second']);
  });

  test('is not early on Workers, where the clocks of requests go side by side', () => {
    vi.useFakeTimers();
    vi.stubGlobal('navigator', { userAgent: 'Cloudflare-Workers' });
    const { tasks, catchUp } = universalPlatform();
    let runs = 0;
    tasks.later(1_000, () => runs++);
    const begun = performance.now();
    // One request sees the time of its arrival, the other came 50 ms later.
    for (let times = 0; times < 60; times++) {
      vi.stubGlobal('performance', { now: () => begun + (times % 2) * 50 });
      catchUp();
    }
    expect(runs).toBe(0);
  });

  test('of a cache is caught up with by the next request', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
    const serve = createFetchCache().wrap(({ method }) => text('', FRESH, method === 'PUT' ? 500 : 200));
    await serve(new Request('http://app.example/a', { method: 'PUT', body: '' }));
    const ask = async () => outcome(await serve(get('/a')).then((response) => response.text().then(() => response)));
    await ask();
    expect(await ask()).toContain('intent-open');
    vi.clearAllTimers();
    vi.advanceTimersByTime(30_000);
    await ask();
    expect(await ask()).toContain('; hit');
  });

  test('in a far future does not run at once', () => {
    vi.useFakeTimers();
    let runs = 0;
    universalPlatform().tasks.later(Number.MAX_SAFE_INTEGER, () => runs++);
    vi.advanceTimersByTime(60_000);
    expect(runs).toBe(0);
  });
});

describe('a wait', () => {
  test.each([
    ['and is over at once where Workers hand it over', true, 0],
    ['and is over by its own timer where they do not', false, 50],
  ])('on Workers keeps a timer running, %s', async (_, handsOver, withinMs) => {
    vi.useFakeTimers();
    vi.stubGlobal('navigator', { userAgent: 'Cloudflare-Workers' });
    vi.stubGlobal('Cloudflare', { compatibilityFlags: { handle_cross_request_promise_resolution: handsOver } });
    const { wait } = universalPlatform();
    let ready = () => {};
    let isOver = false;
    wait((call) => {
      ready = call;
    }).then(() => {
      isOver = true;
    });
    for (let times = 0; times < 5; times++) {
      expect(vi.getTimerCount()).toBe(1);
      await vi.advanceTimersByTimeAsync(50);
    }
    ready();
    await Promise.resolve();
    expect(isOver).toBe(handsOver);
    await vi.advanceTimersByTimeAsync(withinMs);
    expect(isOver).toBe(true);
    vi.advanceTimersByTime(50);
    expect(vi.getTimerCount()).toBe(0);
  });
});
