// The moments at which a gate is ended. Each waits for its moment and ends the gate at that very instant, in the call in
// which the harness learns of it.

import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Dice } from '../sim/dice.ts';
import { invalidate, read } from './clients.ts';
import { invalidateAny, writeAny } from './load.ts';
import { urlSelection } from './selections.ts';
import type { Running, World } from './world.ts';

export const MOMENTS = {
  /** Whatever is under way. */
  any: 24,
  /** Many invalidations are on their way, and some may have been answered. */
  'in a burst of invalidations': 20,
  /** In the call that receives an acknowledgement. */
  'at an acknowledgement': 12,
  /** Large bodies are being filled. */
  'in large bodies': 13,
  /** The origin has a write, has carried it out, or has answered it. */
  'in a write': 12,
  /** Before it listens. */
  'in its start': 8,
  /** SIGTERM, and all the time it wants. */
  'in order': 7,
  /** SIGTERM, and SIGKILL soon after. */
  'while ending in order': 4,
  /** Nothing has been asked of it for a while: all that it has is on disk. */
  'at rest': 30,
} as const;

export type Moment = keyof typeof MOMENTS;

export interface Scene {
  readonly world: World;
  readonly running: Running;
  readonly dice: Dice;
  /** Traffic before the moment. */
  readonly loadMs: number;
  /** What is to be waited for once the gate is over. */
  readonly underWay: Promise<unknown>[];
}

/** Ends the gate at the moment; resolves when that has been ordered. */
export async function endAt(moment: Exclude<Moment, 'in its start'>, scene: Scene): Promise<void> {
  await sleep(scene.loadMs);
  await ENDINGS[moment](scene);
}

const ENDINGS: { readonly [moment in Exclude<Moment, 'in its start'>]: (scene: Scene) => void | Promise<void> } = {
  any: ({ running }) => running.process.kill(),
  'in a burst of invalidations': endInBurst,
  'at an acknowledgement': endAtAcknowledgement,
  'in large bodies': endInLargeBodies,
  'in a write': endInWrite,
  'in order': ({ running }) => running.process.terminate(),
  'while ending in order': async ({ running, dice }) => {
    running.process.terminate();
    await spin(dice.next() * 60);
    running.process.kill();
  },
  'at rest': async ({ world, running }) => {
    world.traffic = false;
    await sleep(REST_MS);
    running.process.kill();
  },
};

/** Longer than a busy machine needs to bring to disk what a gate has stored. */
const REST_MS = 1_300;

async function endInBurst({ world, running, dice, underWay }: Scene): Promise<void> {
  const count = dice.between(4, 30);
  const answered = dice.chance(0.6) ? dice.below(count) : undefined;
  const killed =
    answered === undefined || answered === 0 ? undefined : onNth(answered, world.events, 'acknowledged', running);
  for (let sent = 0; sent < count; sent++) underWay.push(invalidateAny(world, running));
  if (killed === undefined) {
    await spin(dice.next() * 8);
    running.process.kill();
  }
  await killed;
}

async function endAtAcknowledgement({ world, running, dice, underWay }: Scene): Promise<void> {
  const killed = onNth(dice.between(1, 3), world.events, 'acknowledged', running);
  for (let sent = 0; sent < 3; sent++) underWay.push(invalidateAny(world, running));
  await killed;
}

async function endInLargeBodies({ world, running, dice, underWay }: Scene): Promise<void> {
  const large = world.resources.filter(({ size }) => size === 'large');
  const filled = Array.from({ length: dice.between(1, 3) }, () => dice.pick(large));
  await Promise.all(
    filled.map((resource) =>
      invalidate(world, running, urlSelection(resource), { purge: dice.chance(0.5), change: [resource] }),
    ),
  );
  const total = filled.reduce((sum, { minBytes }) => sum + minBytes, 0);
  let left = dice.next() * total;
  const count = (bytes: number) => {
    left -= bytes;
    if (left <= 0) running.process.kill();
  };
  world.events.on('bytes', count);
  const reads = Promise.all(filled.map((resource) => read(world, running, resource)));
  underWay.push(reads);
  await reads;
  world.events.off('bytes', count);
  running.process.kill();
}

async function endInWrite({ world, running, dice, underWay }: Scene): Promise<void> {
  const at = dice.pick(['received', 'changed', 'answered'] as const);
  const count = dice.between(1, 5);
  const exact = dice.chance(0.5);
  const reached = exact
    ? onNth(dice.between(1, count), world.origin.events, at, running)
    : untilTold(world.origin.events, at, running);
  for (let sent = 0; sent < count; sent++) underWay.push(writeAny(world, running));
  await reached;
  if (!exact) await spin(dice.next() * 2);
  running.process.kill();
}

/** What tells of an event that needs no arguments here. */
interface Teller<Name extends string> {
  on(name: Name, told: () => void): unknown;
  off(name: Name, told: () => void): unknown;
}

/** Kills the gate in the very call that tells the nth event; resolves then, or when the gate is over. */
function onNth<Name extends string>(
  nth: number,
  teller: Teller<Name>,
  ...[name, { process }]: [Name, Running]
): Promise<void> {
  return new Promise((resolve) => {
    let left = nth;
    const told = () => {
      if (--left > 0) return;
      process.kill();
      done();
    };
    const done = () => {
      teller.off(name, told);
      resolve();
    };
    teller.on(name, told);
    process.ended.then(done);
  });
}

function untilTold<Name extends string>(teller: Teller<Name>, name: Name, { process }: Running): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      teller.off(name, done);
      resolve();
    };
    teller.on(name, done);
    process.ended.then(done);
  });
}

/** Waits for fractions of a millisecond too. */
export async function spin(ms: number): Promise<void> {
  const end = performance.now() + ms;
  while (performance.now() < end) await nextTurn();
}
