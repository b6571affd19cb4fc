// The workers as a whole, with processes that say what the test has them say.

import { EventEmitter } from 'node:events';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { platformClock, platformTasks } from '../../../src/cache/platform.ts';
import { createLocalLog } from '../../../src/engine/invalidator.ts';
import { Invalidations } from '../../../src/ledger/invalidations.ts';
import { SharedLog } from '../../../src/log/shared-log.ts';
import { resolveConfig } from '../../../src/node/config/config.ts';
import { WorkerPool } from '../../../src/node/workers/worker-pool.ts';
import type { FromWorker, ToWorker } from '../../../src/node/workers/worker-process.ts';

class Child extends EventEmitter {
  readonly pid = 1;
  readonly connected = true;
  readonly told: ToWorker[] = [];
  isKilled = false;

  send(message: ToWorker): boolean {
    this.told.push(message);
    return true;
  }

  kill(): boolean {
    this.isKilled = true;
    this.emit('exit', null, 'SIGKILL');
    this.emit('disconnect');
    return true;
  }

  say(message: FromWorker): void {
    this.emit('message', message);
  }

  serve(): void {
    this.say({ kind: 'hello' });
    this.say({ kind: 'listening', port: 1 });
  }

  /** The latest question of the kind. */
  asked(call: 'reload' | 'figures') {
    return this.told.filter((one) => one.kind === 'ask').findLast((one) => one.call === call);
  }
}

const config = (header: string) =>
  resolveConfig({
    origins: { app: { url: 'http://127.0.0.1:9' } },
    workers: 2,
    routes: [{ response: { set: { 'x-rule': header } } }],
  });

async function begun() {
  const children: Child[] = [];
  const invalidations = new Invalidations({ epoch: 'e' });
  const fault = (error: unknown) => {
    throw error;
  };
  const log = createLocalLog(invalidations.applied);
  const image = () => invalidations.image();
  const shared = new SharedLog({ log, image, clock: platformClock, tasks: platformTasks, fault });
  const fork = () => {
    const child = new Child();
    children.push(child);
    return child as unknown as ReturnType<NonNullable<ConstructorParameters<typeof WorkerPool>[0]['fork']>>;
  };
  const parts = {
    config: config('old'),
    size: 2,
    shared,
    feed: undefined,
    sources: () => ['shop'],
    retired: () => {},
    fork,
  };
  const pool = new WorkerPool({ ...parts, log: pino({ level: 'silent' }) });
  const listening = pool.listen({ host: '127.0.0.1', port: 0 });
  children[0]?.serve();
  await vi.advanceTimersByTimeAsync(0);
  children[1]?.serve();
  await listening;
  return { pool, children };
}

describe('a reload of workers', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('is told to one that was welcomed before and does not listen yet, and waits for it', async () => {
    const { pool, children } = await begun();
    children[0]?.kill();
    await vi.advanceTimersByTimeAsync(200);
    const [, second, third] = children as [Child, Child, Child];
    third.say({ kind: 'hello' });
    let isDone = false;
    const reloaded = pool.reload(config('new')).then(() => {
      isDone = true;
    });
    second.say({ kind: 'answer', id: second.asked('reload')?.id as number, answer: true });
    await vi.advanceTimersByTimeAsync(0);
    const asked = third.asked('reload');
    expect(asked?.given).toMatchObject({ routes: config('new').routes });
    expect(isDone).toBe(false);
    third.say({ kind: 'listening', port: 1 });
    third.say({ kind: 'answer', id: asked?.id as number, answer: true });
    await reloaded;
  });

  test('is what one that is welcomed later begins with', async () => {
    const { pool, children } = await begun();
    children[0]?.kill();
    await vi.advanceTimersByTimeAsync(200);
    const [, second, third] = children as [Child, Child, Child];
    const reloaded = pool.reload(config('new'));
    second.say({ kind: 'answer', id: second.asked('reload')?.id as number, answer: true });
    await reloaded;
    third.say({ kind: 'hello' });
    expect(third.told).toMatchObject([{ kind: 'welcome', config: { routes: config('new').routes } }]);
  });

  test('may wait for a disk that stalls, and ends only what hangs for long', async () => {
    const { pool, children } = await begun();
    const [first, second] = children as [Child, Child];
    const reloaded = pool.reload(config('new'));
    const answerFigures = () => {
      for (const child of [first, second]) {
        const figures = child.asked('figures');
        if (figures !== undefined) child.say({ kind: 'no-answer', id: figures.id, reason: 'busy' });
      }
    };
    for (let at = 0; at < 58; at++) {
      await vi.advanceTimersByTimeAsync(1_000);
      answerFigures();
    }
    expect([first.isKilled, second.isKilled]).toEqual([false, false]);
    first.say({ kind: 'answer', id: first.asked('reload')?.id as number, answer: true });
    await vi.advanceTimersByTimeAsync(3_000);
    expect([first.isKilled, second.isKilled]).toEqual([false, true]);
    await reloaded;
  });

  test('does not spare one that has no answer to anything else', async () => {
    const { children } = await begun();
    await vi.advanceTimersByTimeAsync(16_000);
    expect(children.slice(0, 2).map(({ isKilled }) => isKilled)).toEqual([true, true]);
  });
});
