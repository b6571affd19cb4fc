// Two feed processes of one source: the second waits, says so, and goes on when the first has ended.

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type FeedProcess,
  postgresDatabase,
  sqliteDatabase,
  startFeedProcess,
  type TrackedDatabase,
} from '../../src/track/index.ts';
import { type PostgresServer, startServer } from '../feed/postgres-kit.ts';
import { atEnd, shopFile } from './world.ts';

const wait = { timeout: 10_000, interval: 20 };
let server: PostgresServer;
beforeAll(async () => {
  server = await startServer();
}, 60_000);
afterAll(() => server?.stop());

const starting = (database: TrackedDatabase, faults: Error[]) =>
  startFeedProcess({
    ...{ source: 'shop', database, targets: [], port: 0, lease: 100 },
    onFault: (error) => faults.push(error as Error),
  });

describe.each<[string, () => () => TrackedDatabase]>([
  [
    'SQLite',
    () => {
      const path = shopFile();
      return () => sqliteDatabase({ path, install: true });
    },
  ],
  [
    'PostgreSQL by logical replication',
    () => () => postgresDatabase({ connection: server.url, slot: 'shop', publication: 'shop', install: true }),
  ],
  ['PostgreSQL by triggers', () => () => postgresDatabase({ connection: server.url, mode: 'triggers', install: true })],
])('%s', (_, world) => {
  it('the second feed process waits for the first, and says so', async () => {
    const database = world();
    const [faults, later]: [Error[], Error[]] = [[], []];
    const first = await starting(database(), faults);
    let second: FeedProcess | undefined;
    const starts = starting(database(), later).then((started) => {
      second = started;
    });
    atEnd(() => second?.stop());
    await vi.waitFor(() => expect(later).toHaveLength(1), wait);
    expect(later[0]).toMatchObject({
      code: 'E_FEED',
      message: expect.stringContaining('expected no other feed process of shop'),
    });
    expect(second).toBeUndefined();
    await first.stop();
    await starts;
    expect(second?.status().state).toBe('live');
    expect([faults, later.length]).toEqual([[], 1]);
  });
});
