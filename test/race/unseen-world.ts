// A gate, an application and a file of SQLite, with writes that the application knows nothing of. What the gate answers once
// a write has settled is held against the database.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { resolveConfig } from '../../src/node/config/config.ts';
import { startGate } from '../../src/node/serve.ts';
import { createTracker, gateTarget, sqliteDatabase, type Tracker } from '../../src/track/index.ts';
import type { UnseenCell } from './unseen.ts';

/** What an application has at hand to answer with. */
export interface UnseenParts {
  readonly tracker: Tracker;
  readonly wrapped: DatabaseSync;
  readonly unwrapped: DatabaseSync;
}

/** Shows one row of `items`; made once for the application. */
type Show = (id: number) => unknown;

export interface UnseenScenario {
  readonly name: string;
  readonly share?: 'scope' | 'union';
  /** Hits are right, and have to come. */
  readonly isStored: boolean;
  readonly application: (parts: UnseenParts) => Show;
}

const IDS = [1, 2, 3, 4];
const ROUNDS = 5;
const FILLS = 2;
const WARM_TRIES = 200;

export async function* cellsOf(scenarios: readonly UnseenScenario[]): AsyncIterable<UnseenCell> {
  for (const scenario of scenarios) yield await run(scenario);
}

async function run({ name, share = 'scope', isStored, application }: UnseenScenario): Promise<UnseenCell> {
  const ends: (() => unknown)[] = [];
  try {
    const { tracker, outside, ask, parts } = await opened(share, ends);
    const show = application(parts);
    const isHit = async () => (await Promise.all(IDS.map((id) => ask(show, id)))).some((answer) => answer.isHit);
    // Nothing is stored before the gate has heard of the tracker.
    for (let tries = 0; isStored && tries < WARM_TRIES && !(await isHit()); tries++) await sleep(5);
    let hits = 0;
    const problems: string[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      for (let fill = 0; fill < FILLS; fill++) await Promise.all(IDS.map((id) => ask(show, id)));
      const written = 1 + (round % IDS.length);
      outside.exec(`UPDATE items SET version = ${round} WHERE id = ${written}`);
      await tracker.settled();
      // Twice: where each response depends on every row, the first answer after a write need not be a hit.
      for (const id of [...IDS, ...IDS]) {
        const { isHit, text } = await ask(show, id);
        const right = JSON.stringify(outside.prepare('SELECT * FROM items WHERE id = ?').get(id));
        if (isHit) hits++;
        if (text !== right) problems.push(`expected ${right} after ${round} writes, got ${text}`);
      }
    }
    if (isStored && hits === 0) problems.push('expected hits, got none');
    return {
      name,
      hits: isStored ? hits : 0,
      problems: hits > 0 && !isStored ? [...problems, `${hits} hits`] : problems,
    };
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

async function opened(share: 'scope' | 'union', ends: (() => unknown)[]) {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-unseen-'));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'items.db');
  const [outside, raw, unwrapped] = [1, 2, 3].map(() => new DatabaseSync(path)) as [
    DatabaseSync,
    DatabaseSync,
    DatabaseSync,
  ];
  for (const one of [outside, raw, unwrapped]) ends.push(() => one.close());
  outside.exec(`PRAGMA journal_mode = WAL; CREATE TABLE items (id INTEGER PRIMARY KEY, version INTEGER NOT NULL);
    INSERT INTO items VALUES (1, 0), (2, 0), (3, 0), (4, 0)`);
  let answer: RequestListener = (_, response) => response.end();
  const server = createServer((request, response) => answer(request, response)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = { listen: { port: 0 }, admin: { port: 0 }, origins: { items: { url } }, log: { level: 'silent' } };
  const gate = await startGate(resolveConfig(config, { env: {} }));
  ends.push(() => gate.close({ grace: 0 }));
  const tracker = createTracker({
    ...{ source: 'items', share, lease: 2_000 },
    database: sqliteDatabase({ path, install: true }),
    targets: [gateTarget({ admin: gate.adminUrl })],
  });
  await tracker.start();
  ends.push(() => tracker.stop());
  let shown: Show = () => undefined;
  answer = tracker.node(async (request, response) => {
    const row = await shown(Number(request.url?.split('/').at(-1)));
    response.setHeader('cache-control', 'max-age=3600').end(JSON.stringify(row));
  });
  const ask = async (show: Show, id: number) => {
    shown = show;
    const response = await fetch(`${gate.url}/items/${id}`);
    const isHit = /;\s*hit/.test(response.headers.get('cache-status') ?? '');
    return { text: await response.text(), isHit };
  };
  return { tracker, outside, ask, parts: { tracker, wrapped: tracker.wrap(raw), unwrapped } };
}
