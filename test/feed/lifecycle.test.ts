// The life of a feed, with a source that only counts and a clock that only the test moves.

import { expect, test } from 'vitest';
import { FeedLifecycle, type FeedRun, type FeedSource } from '../../src/feed/lifecycle.ts';
import type { Clock } from '../../src/ports.ts';

class Source implements FeedSource {
  readonly expected = 'a source';
  readonly retry = { firstMs: 100, mostMs: 250 };
  readonly wakePauseMs = 1;
  readonly position = undefined;
  opens = 0;
  looks = 0;
  closes = 0;
  readonly acknowledged: string[] = [];
  failure: string | undefined;
  run: FeedRun | undefined;
  closing: Promise<void> = Promise.resolve();

  async open(run: FeedRun): Promise<number> {
    this.run = run;
    this.opens++;
    if (this.failure !== undefined) throw new Error(this.failure);
    return 0;
  }

  async look(run: FeedRun): Promise<number> {
    this.looks++;
    if (this.failure !== undefined) throw new Error(this.failure);
    run.upTo(0);
    return 10;
  }

  close(): Promise<void> {
    this.closes++;
    return this.closing;
  }

  acknowledge(position: string): void {
    this.acknowledged.push(position);
  }

  problems(): readonly string[] {
    return [];
  }
}

function world() {
  let nowMs = 0;
  let timers: { readonly atMs: number; readonly work: () => void }[] = [];
  const clock = { now: () => nowMs, monotonic: () => nowMs } as Clock;
  const tasks = {
    later(delayMs: number, work: () => void) {
      const timer = { atMs: nowMs + delayMs, work };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    soon: (work: () => void) => queueMicrotask(work),
  };
  const source = new Source();
  const feed = new FeedLifecycle(source, { clock, tasks });
  const settled = async () => {
    for (let step = 0; step < 20; step++) await Promise.resolve();
  };
  const pass = async (ms: number) => {
    for (const end = nowMs + ms; nowMs < end; ) {
      nowMs++;
      const due = timers.filter(({ atMs }) => atMs <= nowMs);
      timers = timers.filter(({ atMs }) => atMs > nowMs);
      for (const { work } of due) work();
      await settled();
    }
  };
  const start = () => feed.start(undefined, { changed() {}, gap() {}, reached() {} });
  return { source, feed, pass, start, settled };
}

test('a feed is live after its first look, and looks again when its source says', async () => {
  const { source, feed, pass, start } = world();
  await start();
  expect(feed.status().state).toBe('starting');
  await pass(1);
  expect(feed.status().state).toBe('live');
  await pass(30);
  expect(source.looks).toBe(4);
  await feed.stop();
  await pass(100);
  expect([source.looks, source.closes]).toEqual([4, 1]);
});

test('a feed that cannot begin says why, and can be started again', async () => {
  const { source, feed, start } = world();
  source.failure = 'gone';
  await expect(start()).rejects.toThrow('expected a source, got: gone');
  expect(feed.status().state).toBe('stopped');
  source.failure = undefined;
  await start();
  await expect(start()).rejects.toThrow('expected a feed that is stopped, got one that runs');
});

test('it tries again later each time, and a wake does not hurry it while it has no connection', async () => {
  const { source, feed, pass, start } = world();
  await start();
  await pass(1);
  source.failure = 'gone';
  await pass(10);
  expect(feed.status()).toMatchObject({ state: 'retrying', problems: ['expected a source, got: gone'] });
  const opensAfter = async (ms: number) => {
    feed.wake();
    await pass(ms);
    return source.opens;
  };
  expect([await opensAfter(99), await opensAfter(1)]).toEqual([1, 2]);
  expect([await opensAfter(199), await opensAfter(1)]).toEqual([2, 3]);
  expect([await opensAfter(249), await opensAfter(1)]).toEqual([3, 4]);
  source.failure = undefined;
  await pass(250);
  expect(feed.status()).toMatchObject({ state: 'live', problems: [] });
});

test('a connection that ends is opened again, though closing it never comes to an end', async () => {
  const { source, feed, pass, start } = world();
  await start();
  await pass(1);
  source.closing = new Promise(() => undefined);
  source.run?.lost('the server is silent');
  expect(feed.status().problems).toEqual(['expected a connection to the server, got: the server is silent']);
  source.run?.lost('the connection was closed');
  await pass(101);
  expect([source.opens, feed.status().state]).toEqual([2, 'live']);
});

test('a wake during a look causes another look right after it', async () => {
  const { source, feed, pass, start } = world();
  await start();
  await pass(1);
  const { looks } = source;
  feed.wake();
  feed.wake();
  await pass(2);
  expect(source.looks).toBe(looks + 1);
});

test('the source hears each acknowledgement, since one that is lower may be of another log', async () => {
  const { source, feed, start } = world();
  await start();
  for (const position of ['a:5', 'a:3']) feed.acknowledge(position);
  expect(source.acknowledged).toEqual(['a:5', 'a:3']);
  expect(feed.acknowledged).toBe('a:5');
});
