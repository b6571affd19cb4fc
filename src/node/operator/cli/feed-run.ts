// `tidegate feed run`: follows one database in a process of its own, for applications of several processes.

import type { Logger } from 'pino';
import { platformTasks } from '../../../cache/platform.ts';
import type { Cancel } from '../../../ports.ts';
import type { FeedProcess } from '../../../track/contract.ts';
import type { TrackedDatabase } from '../../../track/follow/open-database.ts';
import { postgresDatabase } from '../../../track/follow/postgres-database.ts';
import { sqliteDatabase } from '../../../track/follow/sqlite-database.ts';
import { startFeedProcess } from '../../../track/server/feed-server.ts';
import { gateTarget } from '../../../track/target/gate-target.ts';
import { createLog } from '../access-log.ts';
import { type Call, endOnSignal, failed } from './commands.ts';
import type { FeedSource, RunFlags } from './feed-source.ts';

/** Resolves once it listens; the process then goes on until a signal ends it. Rejects with E_CONFIG, E_FEED or E_PORT. */
export async function runFeed(source: FeedSource, { io, options }: Call<RunFlags>): Promise<void> {
  const { gate = [], gateToken, host, port, token, logLevel } = options;
  const log = createLog({ level: logLevel });
  const targets = gate.map((admin) => gateTarget({ admin, ...(gateToken !== undefined && { token: gateToken }) }));
  const running = await startFeedProcess({
    source: source.name as string,
    database: databaseOf(source, options.install === true),
    targets,
    host,
    port,
    ...(token !== undefined && { token }),
    onFault: (error) => log.error({ err: error }, 'a fault of the feed'),
  });
  if (targets.length === 0) log.warn('expected --gate, got none: no gate is told');
  const watch = watched(running, log, io.print);
  endOnSignal(
    async () => {
      watch();
      await running.stop();
    },
    (error) => failed(io, error),
  );
  io.print(`feed: ${running.url}`);
}

function databaseOf(source: FeedSource, install: boolean): TrackedDatabase {
  if (source.kind === 'sqlite') return sqliteDatabase({ path: source.path, install });
  const { connection, mode, slot, publication, identity } = source;
  if (mode === 'triggers') return postgresDatabase({ connection, mode, install });
  return postgresDatabase({ connection, slot, publication, identity, install });
}

const WATCH_MS = 100;

/** Says when the feed is live, logs each change of its state, and when a gate answers again. */
function watched(running: FeedProcess, log: Logger, print: (text: string) => void): Cancel {
  let known = '';
  let isTold = false;
  let cancel: Cancel = () => undefined;
  const failuresTold = new Map<string, number>();
  const look = () => {
    const { source, state, feed, position, targets } = running.status();
    // A gate's silence is a fault, which is reported elsewhere.
    for (const { name, failures, problem } of targets) {
      if (problem !== undefined || failures === (failuresTold.get(name) ?? 0)) continue;
      failuresTold.set(name, failures);
      log.info({ gate: name, failures }, 'the gate answers again');
    }
    if (state === 'live' && !isTold) {
      isTold = true;
      print(`live: ${source}`);
    }
    const problems = feed?.problems ?? [];
    const now = JSON.stringify([state, problems]);
    if (now !== known) {
      const level = state === 'live' && problems.length === 0 ? 'info' : 'warn';
      const lagMs = Math.round(feed?.lagMs ?? 0);
      log[level]({ source, state, position, lagMs, problems }, `the feed is ${state}`);
    }
    known = now;
    cancel = platformTasks.later(WATCH_MS, look);
  };
  look();
  return () => cancel();
}
