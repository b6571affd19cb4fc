// Journal and recovery through lives that end in a crash, with damage to one file after each.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Invalidations } from '../../../src/ledger/invalidations.ts';
import { ImageShelf, type Life, live, settled } from './journal-kit.ts';
import { VolatileFolder } from './volatile-folder.ts';

/** What was done in all lives, in the order in which it was done. */
type Deed =
  | { readonly kind: 'filled'; readonly name: string; readonly epoch: string; readonly stamp: number }
  | { readonly kind: 'invalidated'; readonly name: string; acknowledged: boolean };

interface Crash {
  /** All that was under way has ended. */
  readonly quiet: boolean;
  readonly power: boolean;
  readonly damage: 'none' | 'cut' | 'flip' | 'gone' | 'set-back';
  readonly file: 'invalidations-0.log' | 'invalidations-1.log' | 'witness' | 'image';
  readonly at: number;
}

const NAMES = ['a', 'b', 'c'];
const deed = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...NAMES).map((name) => ({ kind: 'fill', name }) as const) },
  { weight: 4, arbitrary: fc.constantFrom(...NAMES).map((name) => ({ kind: 'invalidate', name }) as const) },
  { weight: 3, arbitrary: fc.nat(30).map((steps) => ({ kind: 'wait', steps }) as const) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('log', 'witness', 'image', 'sync', 'none')
      .map((what) => ({ kind: 'break', what }) as const),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'retry' } as const) },
);
const crash: fc.Arbitrary<Crash> = fc.record({
  quiet: fc.boolean(),
  power: fc.boolean(),
  damage: fc.constantFrom('none', 'none', 'cut', 'flip', 'gone', 'set-back'),
  file: fc.constantFrom('invalidations-0.log', 'invalidations-1.log', 'witness', 'image'),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
});
const lifes = fc.array(fc.record({ deeds: fc.array(deed, { maxLength: 40 }), crash }), { minLength: 1, maxLength: 4 });
type Deeds = typeof lifes extends fc.Arbitrary<(infer L)[]> ? (L & { deeds: unknown })['deeds'] : never;

async function act(life: Life, deeds: Deeds, done: Deed[]): Promise<void> {
  for (const one of deeds) {
    const { invalidations, journal, folder, shelf } = life;
    if (one.kind === 'fill') {
      done.push({ kind: 'filled', name: one.name, epoch: invalidations.epoch, stamp: invalidations.applied });
    } else if (one.kind === 'invalidate') {
      const invalidated: Deed = { kind: 'invalidated', name: one.name, acknowledged: false };
      done.push(invalidated);
      Promise.resolve(journal.append({ kind: 'invalidate', selector: { kind: 'tag', tag: one.name } })).then(
        () => {
          invalidated.acknowledged = true;
        },
        (error) => expect(error).toMatchObject({ code: 'E_LOG' }),
      );
    } else if (one.kind === 'wait') {
      for (let steps = one.steps; steps > 0; steps--) await undefined;
    } else if (one.kind === 'break') {
      shelf.fails = one.what === 'image';
      folder.fails = (call, name) =>
        one.what === 'sync'
          ? call === 'sync' && name !== 'witness'
          : name.startsWith(one.what === 'log' ? 'inv' : one.what);
    } else life.time.step();
  }
}

function crashed(life: Life, { power, damage, file, at }: Crash, random: () => number): [VolatileFolder, ImageShelf] {
  const folder = power ? life.folder.withoutPower(random) : life.folder.killed();
  const images = life.shelf.images;
  if (file === 'image') {
    const left = { none: images.length, 'set-back': Math.ceil(at * images.length) }[damage as string] ?? 0;
    return [folder, new ImageShelf(images.slice(0, left))];
  }
  const content = folder.files.get(file);
  if (content !== undefined && content.seen.length > 0) {
    // Most of a log is room taken ahead.
    const where = Math.floor(at * Math.min(content.seen.length, 2000));
    if (damage === 'cut') content.seen = content.seen.slice(0, where);
    else if (damage === 'flip') content.seen[where] = content.seen[where]! ^ (1 << (where % 8));
    else if (damage === 'gone') folder.files.delete(file);
  }
  return [folder, new ImageShelf(images)];
}

/** Entries filled before an acknowledged invalidation of their name must not be current. */
function outdatedAsCurrent(done: readonly Deed[], invalidations: Invalidations): Deed[] {
  return done.filter((entry, at) => {
    if (entry.kind !== 'filled' || entry.epoch !== invalidations.epoch) return false;
    const what = { uri: 'u', origin: 'o', tags: [entry.name] };
    if (invalidations.lastAffecting(what, entry.stamp) > entry.stamp) return false;
    return done.slice(at).some((one) => one.kind === 'invalidated' && one.name === entry.name && one.acknowledged);
  });
}

it('never forgets an acknowledged invalidation, wherever it crashes and whatever one file suffers', async () => {
  const seen = { exact: 0, unknown: 0, acknowledged: 0 };
  await fc.assert(
    fc.asyncProperty(
      lifes,
      fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
      async (all, dice) => {
        const random = () => dice.next().value as number;
        const done: Deed[] = [];
        let [folder, shelf] = [new VolatileFolder(), new ImageShelf()];
        for (const { deeds, crash: end } of all) {
          const life = await live(folder, shelf, { records: 4 });
          expect(outdatedAsCurrent(done, life.invalidations)).toEqual([]);
          life.folder.syncSteps = () => 1 + Math.floor(random() * 8);
          life.shelf.steps = () => 1 + Math.floor(random() * 20);
          await act(life, deeds, done);
          expect(outdatedAsCurrent(done, life.invalidations)).toEqual([]);
          if (end.quiet) await settled();
          const wasExact = life.journal.isExact && (end.quiet || !end.power);
          [folder, shelf] = crashed(life, end, random);
          const next = await live(folder, shelf);
          expect(outdatedAsCurrent(done, next.invalidations)).toEqual([]);
          if (next.recovery.kind !== 'new') seen[next.recovery.kind]++;
          if (wasExact && end.damage === 'none') expect(next.recovery.kind).toBe('exact');
          [folder, shelf] = [next.folder.killed(), next.shelf];
        }
        seen.acknowledged += done.filter((one) => one.kind === 'invalidated' && one.acknowledged).length;
      },
    ),
    { numRuns: 400 },
  );
  expect(seen.exact).toBeGreaterThan(100);
  expect(seen.unknown).toBeGreaterThan(100);
  expect(seen.acknowledged).toBeGreaterThan(300);
}, 60_000);
