// One round: perhaps damage, a gate is started on the disk folder as it is, asked for what it should have and must not
// have, put under load, and ended at a moment.

import { setTimeout as sleep } from 'node:timers/promises';
import { Dice } from '../sim/dice.ts';
import { invalidate, read } from './clients.ts';
import { type Damage, damageOne, type FileKind } from './damage.ts';
import { runLoad } from './load.ts';
import { endAt, MOMENTS, type Moment } from './moments.ts';
import type { Resource } from './resources.ts';
import type { GateSizes, Session } from './session.ts';
import type { Running, World } from './world.ts';

/** What is fixed before a round begins; it follows from the seed and the round's number alone. */
export interface RoundPlan {
  readonly moment: Moment;
  readonly loadMs: number;
  /** Files damaged before. */
  readonly damages: number;
  /** Default: of any kind. */
  readonly damaged?: readonly FileKind[];
  readonly newFolder: boolean;
  readonly memoryBytes: number;
  /** False: the load begins at once, while the gate may still be busy with its start. */
  readonly asksFirst: boolean;
  readonly dice: Dice;
}

/** Room for all that there is, or for a part of it, so that the disk tier has to evict. */
const DISK_BYTES = { roomy: 400 * 1024 ** 2, tight: 40 * 1024 ** 2 };

export function planRound(seed: number, round: number): RoundPlan {
  const dice = new Dice(Math.imul(seed, 65_537) + round);
  return {
    moment: dice.weighted(MOMENTS),
    loadMs: dice.between(30, 400),
    damages: dice.chance(0.4) ? dice.between(1, 3) : 0,
    newFolder: dice.chance(1 / 16),
    memoryBytes: dice.pick([0, 2 * 1024 ** 2, 64 * 1024 ** 2]),
    asksFirst: dice.chance(0.8),
    dice,
  };
}

/** A graceful end takes no longer, since no answer of the origin does. */
const ENDING_MS = 15_000;

export class Rounds {
  readonly #session: Session;
  #tight = false;

  constructor(session: Session) {
    this.#session = session;
  }

  async run(plan: RoundPlan): Promise<void> {
    const { world } = this.#session;
    const { figures, kept } = world;
    if (plan.newFolder) this.#newFolder(plan.dice);
    const damages = this.#damage(plan);
    kept.restart({ lost: plan.newFolder || this.#tight || !this.#session.hasDisk, endMs: this.#session.endMs });
    const expected = kept.expected();
    if (damages.length > 0) kept.restart({ lost: true, endMs: 0 });
    const sizes = { memoryBytes: plan.memoryBytes, diskBytes: this.#tight ? DISK_BYTES.tight : DISK_BYTES.roomy };
    figures.count(`ended ${plan.moment}`);
    if (plan.moment === 'in its start') return this.#endInStart(sizes, plan.dice);
    const running = await this.#session.start(sizes);
    if (running === undefined) return kept.restart({ lost: true, endMs: 0 });
    if (plan.asksFirst) {
      const hits = await askForExpected(world, running, { expected, damaged: damages.length > 0 });
      if (damages.length > 0) {
        checkTold(world, running, { hits, asked: Math.min(expected.length, MAX_ASKED.damaged), damages });
      }
      await askForForbidden(world, running);
    }
    await this.#loadAndEnd(running, { ...plan, moment: plan.moment });
  }

  #newFolder(dice: Dice): void {
    this.#session.replaceDisk();
    this.#tight = dice.chance(0.3);
  }

  #damage({ damages, damaged, dice }: RoundPlan): Damage[] {
    const { world, diskFolder } = this.#session;
    const done: Damage[] = [];
    for (let count = 0; count < damages; count++) {
      const damage = damageOne(diskFolder, dice, damaged);
      if (damage === undefined) break;
      world.damaged = true;
      world.figures.count(`damage ${damage.kind}: ${damage.form}`);
      done.push(damage);
    }
    if (done.length > 0) world.figures.count('damaged rounds');
    return done;
  }

  async #endInStart(sizes: GateSizes, dice: Dice): Promise<void> {
    const { startMs } = this.#session.world.figures;
    const usual = startMs.at(-1) ?? 500;
    const process = this.#session.spawn(sizes);
    await Promise.race([sleep(dice.next() * usual), process.ended]);
    process.kill();
    const { code } = await process.ended;
    if (code !== null) {
      this.#session.world.figures.find('unexpected', `the gate does not start: ended with ${code}`);
    }
    this.#session.endMs = performance.now();
  }

  async #loadAndEnd(
    running: Running,
    { moment, loadMs, dice }: Omit<RoundPlan, 'moment'> & { readonly moment: Exclude<Moment, 'in its start'> },
  ): Promise<void> {
    const { world } = this.#session;
    const underWay: Promise<unknown>[] = [runLoad(world, running)];
    await endAt(moment, { world, running, dice, loadMs, underWay });
    await this.#session.over(running, ENDING_MS);
    await Promise.all(underWay);
    world.history.cut(world.writes);
    for (const { target, changed } of world.writes) if (changed.size > 0) world.lastAcknowledged.push(target);
    world.figures.count('writes cut off by the end', world.writes.size);
    world.writes.clear();
  }
}

/** Of what it should still have; after damage more, since nobody knows where the damage lies. */
const MAX_ASKED = { undamaged: 40, damaged: 60 };
const AT_ONCE = 6;

interface Expected {
  readonly expected: readonly { readonly resource: Resource; readonly kind: string }[];
  readonly damaged: boolean;
}

/** Reads some of what the gate should still have; returns how many it had. */
async function askForExpected(world: World, running: Running, { expected, damaged }: Expected): Promise<number> {
  const asked = shuffled(expected, world.dice).slice(0, damaged ? MAX_ASKED.damaged : MAX_ASKED.undamaged);
  let hits = 0;
  await eachOf(asked, async ({ resource, kind }) => {
    const { hit } = await read(world, running, resource, { kind });
    if (hit) hits++;
  });
  const where = damaged ? 'after damage' : 'after an undamaged restart';
  world.figures.count(`expected ${where}`, asked.length);
  world.figures.count(`had ${where}`, hits);
  return hits;
}

const FEW = 5;

/**
 * A tier that begins anew says so. But a write-ahead log ends where its checksums do, which is what any kill or power cut
 * may leave: that the rows behind it were lost nobody can see.
 */
function checkTold(
  { figures }: World,
  { process }: Running,
  { hits, asked, damages }: { readonly hits: number; readonly asked: number; readonly damages: readonly Damage[] },
): void {
  if (asked < FEW || hits > 0 || damages.some(({ kind }) => kind === 'manifest wal')) return;
  figures.count('tiers that damage emptied');
  const done = damages.map(({ form, file }) => `${form} ${file}`).join(', ');
  if (process.lines.length === 0) figures.find('untold', `nothing is left and no line says so: ${done}`);
}

/** Reads what the last gates acknowledged as outdated, and tells again what was never acknowledged. */
async function askForForbidden(world: World, running: Running): Promise<void> {
  const { dice, figures } = world;
  const recent = [...new Set(world.lastAcknowledged.slice(-60))];
  world.lastAcknowledged = [];
  const small = recent.filter(({ size }) => size !== 'large' || dice.chance(0.3));
  await eachOf(small, (resource) => read(world, running, resource, { kind: dice.pick(['x', 'y']) }));
  const unanswered = world.unanswered.splice(0);
  const again = unanswered.filter(() => dice.chance(0.5));
  await eachOf(again, ({ selection, purge }) => invalidate(world, running, selection, { purge, change: [] }));
  figures.count('invalidations told again', again.length);
}

async function eachOf<T>(all: readonly T[], work: (each: T) => Promise<unknown>): Promise<void> {
  const left = [...all];
  const worker = async () => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) await work(next);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

function shuffled<T>(all: readonly T[], dice: Dice): T[] {
  return all
    .map((each) => ({ each, by: dice.next() }))
    .sort((one, other) => one.by - other.by)
    .map(({ each }) => each);
}
