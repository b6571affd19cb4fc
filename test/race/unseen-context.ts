// Responses that show what another request, or no request, has read: a queue, batches, memos.

import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import DataLoader from 'dataloader';
import type { Tracker } from '../../src/track/index.ts';
import type { UnseenRace } from './unseen.ts';
import { cellsOf, type UnseenScenario } from './unseen-world.ts';

const SQL = 'SELECT * FROM items WHERE id = ?';
const item = (db: DatabaseSync, id: number) => db.prepare(SQL).get(id);
const all = (db: DatabaseSync) => async (ids: readonly number[]) => ids.map((id) => item(db, id));

/** Requests that come within it share a batch. */
const WINDOW_MS = 5;
const inWindow = (run: () => void) => void setTimeout(run, WINDOW_MS);

/** One reader for all requests, which was begun before any of them. */
function queueOf(read: (id: number) => unknown) {
  const waiting: { readonly id: number; readonly resolve: (row: unknown) => void }[] = [];
  let wake: () => void = () => undefined;
  const work = async (): Promise<never> => {
    for (;;) {
      for (const { id, resolve } of waiting.splice(0)) resolve(read(id));
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  void work();
  return (id: number) =>
    new Promise((resolve) => {
      waiting.push({ id, resolve });
      wake();
    });
}

/** Who asks while a read is under way is given its outcome. */
function sharedReads(read: (ids: readonly number[]) => Promise<readonly unknown[]>) {
  let underWay: Promise<ReadonlyMap<number, unknown>> | undefined;
  return async (id: number) => {
    underWay ??= new Promise<void>(inWindow).then(async () => {
      underWay = undefined;
      const ids = [1, 2, 3, 4];
      const rows = await read(ids);
      return new Map(ids.map((one, at) => [one, rows[at]]));
    });
    return (await underWay).get(id);
  };
}

/** One reader for all requests: who asks while it reads is given what it reads. */
function joined(read: () => Promise<readonly unknown[]>) {
  const waiting: ((rows: readonly unknown[]) => void)[] = [];
  let wake: () => void = () => undefined;
  const work = async (): Promise<never> => {
    for (;;) {
      await new Promise<void>((resolve) => (wake = resolve));
      const rows = await read();
      for (const resolve of waiting.splice(0)) resolve(rows);
    }
  };
  void work();
  return async (id: number) => {
    const rows = new Promise<readonly unknown[]>((resolve) => waiting.push(resolve));
    wake();
    return (await rows)[id - 1];
  };
}

/** Wrapped as a client of libSQL, which answers after a while. */
function slow(tracker: Tracker, db: DatabaseSync) {
  const execute = async (text: string) => {
    const rows = db.prepare(text).all();
    await sleep(WINDOW_MS);
    return { rows };
  };
  return tracker.wrap({
    execute,
    batch: async () => [],
    executeMultiple: async () => undefined,
    close: () => undefined,
  });
}

/** Beside a read in the scope of the request, without which the response would not be stored anyway. */
const beside =
  (db: DatabaseSync, show: (id: number) => unknown) =>
  (id: number): unknown => {
    item(db, 99);
    return show(id);
  };

const SCENARIOS: readonly UnseenScenario[] = [
  {
    name: 'a queue of the application, in no scope, beside a read of the request',
    isStored: true,
    application: ({ wrapped }) =>
      beside(
        wrapped,
        queueOf((id) => item(wrapped, id)),
      ),
  },
  {
    name: 'a statement in no scope, under way when a request comes that is given its answer',
    isStored: true,
    application: ({ tracker, wrapped, unwrapped }) => {
      const client = slow(tracker, unwrapped);
      return beside(
        wrapped,
        joined(async () => (await client.execute('SELECT * FROM items ORDER BY id')).rows),
      );
    },
  },
  {
    name: 'reads of one request that others join, beside a read of their own, with share: union',
    share: 'union',
    isStored: true,
    application: ({ wrapped }) => beside(wrapped, sharedReads(all(wrapped))),
  },
  {
    name: 'a queue of the application, in no scope',
    isStored: true,
    application: ({ wrapped }) => queueOf((id) => item(wrapped, id)),
  },
  {
    name: 'a loader of dataloader that requests share',
    isStored: true,
    application: ({ wrapped }) => {
      const loader = new DataLoader(all(wrapped), { cache: false, batchScheduleFn: inWindow });
      return (id) => loader.load(id);
    },
  },
  {
    name: 'a loader of dataloader, cleared after each batch',
    isStored: true,
    application: ({ wrapped }) => {
      const loader: DataLoader<number, unknown> = new DataLoader(
        (ids) => {
          inWindow(() => loader.clearAll());
          return all(wrapped)(ids);
        },
        { batchScheduleFn: inWindow },
      );
      return (id) => loader.load(id);
    },
  },
  {
    name: 'tracker.loader',
    isStored: true,
    application: ({ tracker, wrapped }) => tracker.loader(all(wrapped), { schedule: inWindow }).load,
  },
  {
    name: 'tracker.memo',
    isStored: true,
    application: ({ tracker, wrapped }) => tracker.memo((id: number) => item(wrapped, id)),
  },
  {
    name: 'tracker.memo of all rows',
    isStored: true,
    application: ({ tracker, wrapped }) => {
      const memo = tracker.memo(async () => all(wrapped)([1, 2, 3, 4]));
      return async (id) => (await memo())[id - 1];
    },
  },
  {
    name: 'reads of one request that others join, with share: union',
    share: 'union',
    isStored: true,
    application: ({ wrapped }) => sharedReads(all(wrapped)),
  },
];

export const UNSEEN_CONTEXT: UnseenRace = { name: 'a context that is lost', cells: () => cellsOf(SCENARIOS) };
