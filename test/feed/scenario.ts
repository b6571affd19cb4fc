// One random life of a shared log, from a seed: what happens in it, and what must hold when all is over.

import { LogWorld, type Sides, SimulatedMember, UNKNOWN_MS } from './log-world.ts';

const STEPS = 80;
const MAX_MEMBERS = 5;

/** The problems that were seen; none: all was right. */
export async function live(seed: number, sides: Sides): Promise<readonly string[]> {
  const world = new LogWorld(seed, sides);
  const { dice } = world;
  for (let count = 0; count < 2; count++) world.members.push(new SimulatedMember(world));
  const closers: (() => void)[] = [];
  for (let step = 0; step < STEPS && world.problems.length === 0; step++) {
    happen(world, step, closers);
    if (dice.chance(0.6)) await world.run(dice.chance(0.1) ? dice.below(1_500) : dice.below(8));
  }
  for (const close of closers) close();
  // Deaths and what they leave unknown are over by then.
  if (world.problems.length === 0) await world.run(3 * UNKNOWN_MS);
  if (world.problems.length === 0) await atTheEnd(world);
  return world.problems;
}

function happen(world: LogWorld, step: number, closers: (() => void)[]): void {
  const { dice } = world;
  const serving = world.members.filter(({ alive, serving: serves }) => alive && serves);
  const anyone = dice.chance(0.8) && serving.length > 0 ? dice.pick(serving) : undefined;
  const what = dice.weighted({ invalidate: 60, write: 20, close: 10, join: 6, hang: 3, stall: 2, die: 4 });
  switch (what) {
    case 'invalidate':
      world.append({ kind: 'invalidate', selector: { kind: 'url', uri: `u${step}` } }, anyone);
      return;
    case 'write': {
      const intent = `i${step}`;
      world.append({ kind: 'open', intent, uri: `w${step}` }, anyone);
      closers.push(() => {
        if (anyone?.alive !== false) world.append({ kind: 'close', intent }, anyone);
      });
      return;
    }
    case 'close':
      closers.shift()?.();
      return;
    case 'join':
      if (world.members.filter(({ alive }) => alive).length < MAX_MEMBERS) {
        world.members.push(new SimulatedMember(world));
      }
      return;
    case 'hang':
      anyone?.hang(dice.below(4_000));
      return;
    case 'stall':
      anyone?.hang(Number.MAX_SAFE_INTEGER / 4);
      return;
    case 'die':
      anyone?.die();
  }
}

async function atTheEnd(world: LogWorld): Promise<void> {
  for (const member of world.members.filter(({ alive, hung }) => alive && !hung)) {
    if (member.told.length !== world.told.length - member.joinedAfter) {
      world.fail(`expected ${world.told.length - member.joinedAfter} changes, got ${member.told.length}`);
    }
  }
  if (world.keepersOpen.size > 0) world.fail(`expected no open intent, got ${[...world.keepersOpen.values()]}`);
  const unanswered = world.pendingOf().length;
  if (unanswered > 0) world.fail(`expected every append to be answered, got ${unanswered} that are not`);
}
