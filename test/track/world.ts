// A shop in a file of SQLite, tracked, with a target that notes what it is told.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach } from 'vitest';
import type { DatabaseTrackerOptions, SourceMessage, SourceReply } from '../../src/track/contract.ts';
import type { TrackedDatabase } from '../../src/track/follow/open-database.ts';
import { createTracker, sqliteDatabase, type Tracker, type TrackingTarget } from '../../src/track/index.ts';

export const SCHEMA = `
  CREATE TABLE users (id INTEGER PRIMARY KEY, firstName TEXT NOT NULL, age INTEGER, note TEXT);
  CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users(id), total INTEGER NOT NULL);
  INSERT INTO users VALUES (1, 'Lane', 30, ''), (2, 'Kim', 40, ''), (3, 'Ola', 50, '');
  INSERT INTO orders VALUES (1, 1, 10), (2, 2, 20);
`;

/** Notes messages, and which tags are outdated. */
export class NotingTarget implements TrackingTarget {
  readonly name = 'noting';
  readonly messages: SourceMessage[] = [];
  readonly tags = new Set<string>();
  sessions = 0;
  /** While it is there, deliveries fail with it. */
  fault: Error | undefined;

  async deliver(message: SourceMessage): Promise<SourceReply> {
    this.messages.push(message);
    if (this.fault !== undefined) throw this.fault;
    if (message.sequence === 1) this.sessions++;
    for (const tag of message.tags) this.tags.add(tag);
    return { gap: message.sequence === 1 };
  }
}

export interface World {
  readonly path: string;
  /** The application's connection, wrapped. */
  readonly db: DatabaseSync;
  /** One that nobody knows of. */
  readonly outside: DatabaseSync;
  readonly tracker: Tracker;
  readonly target: NotingTarget;
  readonly faults: unknown[];
}

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

export function atEnd(end: () => unknown): void {
  ends.push(end);
}

export function shopFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-track-'));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'shop.db');
  const db = new DatabaseSync(path);
  db.exec(`PRAGMA journal_mode = WAL; ${SCHEMA}`);
  db.close();
  return path;
}

/** A database with the feed on the tables there are now: later ones stay without. */
export async function installedOnce(path: string): Promise<TrackedDatabase> {
  const installing = createTracker({ source: 'shop', database: sqliteDatabase({ path, install: true }), targets: [] });
  await installing.start();
  await installing.stop();
  return sqliteDatabase({ path });
}

export async function trackedShop(
  options: Partial<DatabaseTrackerOptions> = {},
  path: string = shopFile(),
): Promise<World> {
  const target = new NotingTarget();
  const faults: unknown[] = [];
  const tracker = createTracker({
    source: 'shop',
    database: sqliteDatabase({ path, install: true }),
    targets: [target],
    onFault: (error) => faults.push(error),
    ...options,
  });
  await tracker.start();
  ends.push(() => tracker.stop());
  const raw = new DatabaseSync(path);
  const outside = new DatabaseSync(path);
  ends.push(() => {
    raw.close();
    outside.close();
  });
  return { path, db: tracker.wrap(raw), outside, tracker, target, faults };
}

/** What a response depends on that is made by the work. */
export function tagsOf(
  tracker: Tracker,
  work: () => unknown,
): { readonly tags: readonly string[]; readonly reasons: readonly string[] } {
  const scope = tracker.openScope();
  scope.run(work);
  const { tags, reasons } = scope.finish();
  return { tags: tags.filter((tag) => !/^(?:tg-|s)/.test(tag)), reasons };
}

/** The same where the work takes a while. */
export async function tagsReadBy(
  tracker: Tracker,
  work: () => Promise<unknown>,
): Promise<{ readonly value: unknown; readonly tags: readonly string[]; readonly reasons: readonly string[] }> {
  const scope = tracker.openScope();
  const value = await scope.run(work);
  const { tags, reasons } = scope.finish();
  scope.end();
  return { value, tags: tags.filter((tag) => tag.startsWith('q')), reasons };
}
