// What befalls the set-up in the midst of load. Each puts right what an operator would, and returns.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Relay, RelayState } from '../kit/relay.ts';
import type { Dice } from '../sim/dice.ts';
import { type Connection, commit } from './database.ts';
import type { Drafts } from './drafts.ts';
import type { Op } from './model.ts';
import type { PostgresDrillDatabase } from './postgres.ts';
import { SLOT } from './postgres.ts';
import type { SetUp } from './settings.ts';
import type { SqliteDrillDatabase } from './sqlite.ts';
import { type Part, type Stage, TIMES } from './stage.ts';
import type { Truth } from './truth.ts';

export interface Scene {
  readonly stage: Stage;
  readonly truth: Truth;
  readonly drafts: Drafts;
  readonly dice: Dice;
}

interface Trouble {
  readonly of: readonly Kind[];
  readonly happen: (scene: Scene) => Promise<void>;
}

/** Of a set-up: the database, and whether it is followed by the application. */
type Kind = 'sqlite' | 'postgres' | 'sqlite-feed-process' | 'postgres-feed-process';

const IN_APPLICATION: readonly Kind[] = ['sqlite', 'postgres'];
const IN_PROCESS: readonly Kind[] = ['sqlite-feed-process', 'postgres-feed-process'];
const ALL = [...IN_APPLICATION, ...IN_PROCESS];
const POSTGRES: readonly Kind[] = ['postgres', 'postgres-feed-process'];
/** While nobody answers, so that clients ask on. */
const SHORT_PATIENCE_MS = 120;
const WRITES_UNHEARD = 12;
const PAST_BOUNDS_MS = TIMES.leaseMs + TIMES.maxLagMs;

export const TROUBLES = {
  'application killed': { of: ALL, happen: (scene) => killed(scene, 'application') },
  'feed process killed': { of: IN_PROCESS, happen: (scene) => killed(scene, 'feed process') },
  'gate killed, memory only': { of: ALL, happen: gateKilled },
  'gate killed, with a disk tier': { of: IN_APPLICATION, happen: gateKilledUnheard },
  'application stopped past its lease': { of: IN_APPLICATION, happen: (scene) => paused(scene, 'application') },
  'feed process stopped past its lease': { of: IN_PROCESS, happen: (scene) => paused(scene, 'feed process') },
  'network to the gate cut': { of: IN_APPLICATION, happen: ({ stage, dice }) => relayed(stage.relay, 'cut', dice) },
  'network to the gate held': { of: IN_APPLICATION, happen: ({ stage, dice }) => relayed(stage.relay, 'held', dice) },
  'network to the feed process cut': {
    of: IN_PROCESS,
    happen: ({ stage, dice }) => relayed(stage.feedRelay, 'cut', dice),
  },
  'network to the feed process held': {
    of: IN_PROCESS,
    happen: ({ stage, dice }) => relayed(stage.feedRelay, 'held', dice),
  },
  'triggers dropped': { of: ['sqlite'], happen: triggersDropped },
  'change log dropped': { of: ['sqlite', 'sqlite-feed-process'], happen: logDropped },
  'server killed': { of: POSTGRES, happen: ({ stage, dice }) => restarted(stage, 'SIGKILL', dice.between(0, 800)) },
  'server stopped': { of: ['postgres'], happen: ({ stage, dice }) => restarted(stage, 'SIGINT', dice.between(0, 800)) },
  'slot dropped': { of: POSTGRES, happen: slotDropped },
  'stopped past the bound of the log': { of: POSTGRES, happen: pausedPastLog },
  'network to the database held': { of: ['postgres'], happen: databaseHeld },
} satisfies Record<string, Trouble>;

export type TroubleName = keyof typeof TROUBLES;

export function troublesOf({ name: setUp }: SetUp): TroubleName[] {
  return Object.entries<Trouble>(TROUBLES).flatMap(([name, { of }]) =>
    (of as readonly string[]).includes(setUp) ? [name as TroubleName] : [],
  );
}

async function killed({ stage, dice }: Scene, part: Part): Promise<void> {
  if (part === 'application') stage.patienceMs = SHORT_PATIENCE_MS;
  await stage.kill(part);
  // Now and then it is back before its lease is over.
  await sleep(dice.pick([0, 0, 300, 1_000]));
  await stage.start(part);
}

async function gateKilled({ stage, dice }: Scene): Promise<void> {
  await stage.endGate('kill');
  await sleep(dice.between(0, 400));
  await stage.startGate();
}

/** It begins with what its disk has, and hears nothing for a while. */
async function gateKilledUnheard({ stage, dice }: Scene): Promise<void> {
  // Entries are on their way to the disk.
  await sleep(1_000);
  stage.relay.become('cut');
  await stage.endGate('kill');
  await sleep(dice.between(0, 300));
  await stage.startGate();
  await sleep(dice.between(700, 1_200));
  stage.relay.become('open');
}

async function paused({ stage, dice }: Scene, part: Part): Promise<void> {
  if (part === 'application') stage.patienceMs = SHORT_PATIENCE_MS;
  stage.signal(part, 'SIGSTOP');
  await sleep(PAST_BOUNDS_MS + dice.between(600, 2_000));
  stage.signal(part, 'SIGCONT');
}

async function relayed(relay: Relay, state: RelayState, dice: Dice): Promise<void> {
  relay.become(state);
  await sleep(PAST_BOUNDS_MS + dice.between(600, 1_800));
  relay.become('open');
}

async function triggersDropped(scene: Scene): Promise<void> {
  await dropped(scene, false);
}

/** The feed cannot go on; the next start puts all in place. */
async function logDropped(scene: Scene): Promise<void> {
  await dropped(scene, true);
  await sleep(PAST_BOUNDS_MS + scene.dice.between(600, 1_200));
  const { stage } = scene;
  await stage.kill(stage.follower);
  await stage.start(stage.follower);
}

async function dropped({ stage }: Scene, hasLog: boolean): Promise<void> {
  const database = stage.database as SqliteDrillDatabase;
  const connection = await database.connect();
  try {
    await connection.run({ sql: 'BEGIN IMMEDIATE', values: [] });
    const drops = database.triggers().map((name) => `DROP TRIGGER "${name}"`);
    if (hasLog) drops.push('DROP TABLE _tidegate_changes');
    for (const sql of [...drops, 'COMMIT']) await connection.run({ sql, values: [] });
  } finally {
    await connection.close();
  }
}

async function restarted(stage: Stage, how: 'SIGKILL' | 'SIGINT', downMs: number): Promise<void> {
  await (stage.database as PostgresDrillDatabase).restart(how, downMs);
}

/** Behind the feed's back; and some write just then, before it has noticed. */
async function slotDropped(scene: Scene): Promise<void> {
  const { stage, truth, drafts, dice } = scene;
  const connection = await stage.database.connect();
  const isAway = dice.chance(0.3);
  if (isAway) stage.database.link?.become('cut');
  try {
    await dropSlot(connection);
    for (let count = 0; count < WRITES_UNHEARD; count++) {
      const ops = drafts.draw();
      // One that somebody else was in the way of was not made.
      await commit(connection, truth.begin(ops), { truth }).then(
        () => drafts.done(ops),
        () => stage.figures.count('writes that failed'),
      );
    }
    if (isAway) await sleep(dice.between(0, 500));
  } finally {
    stage.database.link?.become('open');
    await connection.close();
  }
}

const END_WALSENDER = `SELECT pg_terminate_backend(active_pid, 1000) FROM pg_replication_slots WHERE slot_name = '${SLOT}'`;

async function dropSlot(connection: Connection): Promise<void> {
  for (;;) {
    await connection.run({ sql: END_WALSENDER, values: [] });
    try {
      await connection.run({ sql: `SELECT pg_drop_replication_slot('${SLOT}')`, values: [] });
      return;
    } catch (error) {
      // It was taken again.
      if (!/is active/.test(String(error))) throw error;
    }
  }
}

async function pausedPastLog({ stage, dice }: Scene): Promise<void> {
  const { ask } = stage.database as PostgresDrillDatabase;
  if (stage.follower === 'application') stage.patienceMs = SHORT_PATIENCE_MS;
  stage.signal(stage.follower, 'SIGSTOP');
  try {
    for (let step = 0; step < 60; step++) {
      await ask(`SELECT pg_logical_emit_message(false, 'drill', repeat('x', 1000000))`);
      if (step % 4 === 3) await ask('CHECKPOINT');
      const { wal_status: status } = await ask(`SELECT wal_status FROM pg_replication_slots WHERE slot_name = $1`, [
        SLOT,
      ]);
      if (status === 'lost') break;
      if (step === 59) throw new Error(`expected a slot that is lost, got ${String(status)}`);
    }
    await sleep(dice.between(200, 900));
  } finally {
    stage.signal(stage.follower, 'SIGCONT');
  }
}

/** The application reads and answers; only its feed hears nothing. */
async function databaseHeld({ stage, dice }: Scene): Promise<void> {
  stage.database.link?.become('held');
  await sleep(PAST_BOUNDS_MS + dice.between(600, 2_000));
  stage.database.link?.become('open');
}

/** A transaction on a connection of its own. */
export async function committed(
  { stage, truth }: Scene,
  ops: readonly Op[],
  how: Omit<Parameters<typeof commit>[2], 'truth'> = {},
): Promise<void> {
  const connection = await stage.database.connect();
  try {
    await commit(connection, truth.begin(ops), { truth, ...how });
  } finally {
    await connection.close();
  }
}
