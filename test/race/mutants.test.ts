// The proof that the race suite can fail: with any one rule of the fill protocol taken out, some cell catches it.

import { afterEach, expect, it, vi } from 'vitest';
import type * as Partial from '../../src/engine/http/partial.ts';
import type * as Flights from '../../src/engine/http/running-flight.ts';
import type * as Storing from '../../src/engine/http/store-fill.ts';
import { Invalidator } from '../../src/engine/invalidator.ts';
import { Tiers } from '../../src/engine/tiers/tiers.ts';
import type { EntryLedger } from '../../src/entry/key.ts';
import { Invalidations } from '../../src/ledger/invalidations.ts';
import { Fills, Ledger } from '../../src/ledger/ledger.ts';
import type { Selector } from '../../src/ledger/selector.ts';
import type * as Invalidation from '../../src/semantics/invalidation.ts';
import { runCell, type Verdict } from './race.ts';
import { allCells, cellName } from './scenarios.ts';

/** The mutant that is switched on, for those that stand in for a module's function. */
const { on } = vi.hoisted(() => ({ on: { mutant: '' } }));

const BLIND = { mayShare: () => true } as unknown as EntryLedger;

vi.mock('../../src/engine/http/running-flight.ts', async (importOriginal) => {
  const original = await importOriginal<typeof Flights>();
  const mayJoin: typeof Flights.mayJoin = (flight, joiner, ledger) =>
    original.mayJoin(flight, joiner, on.mutant === 'joins any fill' ? BLIND : ledger);
  const mayShare: typeof Flights.mayShare = (what) =>
    original.mayShare(/^(joins any fill|shares by URI alone)$/.test(on.mutant) ? { ...what, ledger: BLIND } : what);
  return { ...original, mayJoin, mayShare };
});

vi.mock('../../src/engine/http/store-fill.ts', async (importOriginal) => {
  const original = await importOriginal<typeof Storing>();
  const updateByHead: typeof Storing.updateByHead = (context, what) => {
    if (on.mutant !== 'freshens by HEAD as of its landing') return original.updateByHead(context, what);
    const { plan, forwardMs, tags } = what.flight;
    const stamp = context.ledger.stamp();
    const fill = { ...what.flight.fill, stamp, keyStamp: stamp };
    const flight = { plan, forwardMs, tags, fill } as typeof what.flight;
    return original.updateByHead(context, { ...what, flight });
  };
  const validatedEntry: typeof Storing.validatedEntry = (...given) => {
    const freshened = original.validatedEntry(...given);
    return freshened && on.mutant === 'forgets tags by a 304'
      ? { ...freshened, entry: { ...freshened.entry, tags: [] } }
      : freshened;
  };
  return { ...original, updateByHead, validatedEntry };
});

vi.mock('../../src/engine/http/partial.ts', async (importOriginal) => {
  const original = await importOriginal<typeof Partial>();
  const combinedEntry: typeof Partial.combinedEntry = (stored, newer) => {
    const combined = original.combinedEntry(stored, newer);
    if (combined === undefined || on.mutant !== 'forgets tags by a 206') return combined;
    return { ...combined, tags: newer.draft.tags };
  };
  return { ...original, combinedEntry };
});

vi.mock('../../src/semantics/invalidation.ts', async (importOriginal) => {
  const original = await importOriginal<typeof Invalidation>();
  const groupsInvalidated: typeof Invalidation.groupsInvalidated = (request, fields) =>
    on.mutant === 'ignores Cache-Group-Invalidation' ? [] : original.groupsInvalidated(request, fields);
  const invalidatedUris: typeof Invalidation.invalidatedUris = (uri, response) => {
    const uris = original.invalidatedUris(uri, response);
    if (on.mutant === 'ignores Location and Content-Location') return uris.slice(0, 1);
    return on.mutant === 'ignores the target of a write' ? uris.slice(1) : uris;
  };
  return { ...original, groupsInvalidated, invalidatedUris };
});

/** True when a function of this name is among those being run. */
function within(name: string): boolean {
  return new RegExp(`\\bat (?:\\S+[.#])?#?${name} `).test(new Error().stack ?? '');
}

interface Mutant {
  readonly name: string;
  /** Ways of which some cell must catch it; default: any. */
  readonly ways?: readonly string[];
  readonly patch?: () => void;
}

const real = {
  apply: Invalidations.prototype.apply,
  invalidate: Invalidator.prototype.invalidate,
  openIntent: Invalidator.prototype.openIntent,
  isAffected: Ledger.prototype.isAffected,
  isCurrent: Ledger.prototype.isCurrent,
  settle: Fills.prototype.settle,
  stamp: Ledger.prototype.stamp,
  store: Tiers.prototype.store,
};

/** Leaves out the invalidation that is made within the function of this name. */
function withoutInvalidation(name: string): () => void {
  return () => {
    Invalidator.prototype.invalidate = function (selector) {
      return within(name) ? 0 : real.invalidate.call(this, selector);
    };
  };
}

/** Takes every entry for current within the function of this name. */
function currentWithin(name: string): () => void {
  return () => {
    Ledger.prototype.isCurrent = function (entry) {
      return within(name) || real.isCurrent.call(this, entry);
    };
  };
}

function forgets(kind: Selector['kind'], way: string): Mutant {
  const patch = () => {
    Invalidations.prototype.apply = function (selector) {
      return real.apply.call(
        this,
        selector.kind === kind ? { kind: 'url', uri: 'http://elsewhere.example/' } : selector,
      );
    };
  };
  return { name: `forgets an invalidation by ${kind}`, ways: [way], patch };
}

const MUTANTS: readonly Mutant[] = [
  { name: 'joins any fill' },
  { name: 'shares by URI alone', ways: ['tag', 'group'] },
  { name: 'freshens by HEAD as of its landing' },
  { name: 'forgets tags by a 304', ways: ['tag'] },
  { name: 'forgets tags by a 206', ways: ['tag'] },
  { name: 'ignores Cache-Group-Invalidation', ways: ['group'] },
  { name: 'ignores Location and Content-Location', ways: ['Location', 'Content-Location'] },
  { name: 'ignores the target of a write', ways: ['PUT'] },
  {
    name: 'serves what was invalidated',
    patch: () => {
      Ledger.prototype.isCurrent = () => true;
    },
  },
  { name: 'serves on error what was invalidated', patch: currentWithin('serveStale') },
  { name: 'serves at once what was invalidated', patch: currentWithin('answerAtOnce') },
  {
    name: 'stamps an entry as it is stored',
    patch: () => {
      let ledger: Ledger<never> | undefined;
      Ledger.prototype.stamp = function () {
        ledger = this;
        return real.stamp.call(this);
      };
      Tiers.prototype.store = function (by, made) {
        const now = real.stamp.call(ledger as Ledger<never>);
        const entry = { ...made.entry, stamp: now.position, checkedUpTo: now.position };
        return real.store.call(this, entry.epoch === now.epoch ? now : by, { ...made, entry });
      };
    },
  },
  {
    name: 'opens no intent for a write',
    ways: ['PUT, time-out'],
    patch: () => {
      Invalidator.prototype.openIntent = () => () => {};
    },
  },
  {
    name: 'counts the answer to a write from its end, whatever came in between',
    patch: () => {
      Ledger.prototype.isAffected = function (fill, subject) {
        return !within('countAfter') && real.isAffected.call(this, fill, subject);
      };
      // A fill of someone who came later would overtake it, and so hide the mutant.
      Fills.prototype.settle = () => {};
    },
  },
  {
    name: 'answers the client of a write first',
    ways: ['PUT'],
    patch: () => {
      Invalidator.prototype.invalidate = function (selector) {
        if (within('countAfter')) queueMicrotask(() => real.invalidate.call(this, selector));
        else return real.invalidate.call(this, selector);
        return 0;
      };
    },
  },
  { name: 'takes an unknown outcome for none', ways: ['PUT, reset'], patch: withoutInvalidation('holdUnknown') },
  { name: 'purges only what is there', ways: ['URL'], patch: withoutInvalidation('purge') },
  forgets('url', 'URL'),
  forgets('tag', 'tag'),
  forgets('prefix', 'prefix'),
  forgets('pattern', 'pattern'),
  forgets('origin', 'origin'),
  forgets('all', 'all'),
];

function switchOn(mutant: Mutant): void {
  on.mutant = mutant.name;
  mutant.patch?.();
}

function switchOff(): void {
  on.mutant = '';
  Invalidations.prototype.apply = real.apply;
  const { invalidate, openIntent, store, settle, apply: _apply, ...ofLedger } = real;
  Object.assign(Invalidator.prototype, { invalidate, openIntent });
  Object.assign(Ledger.prototype, ofLedger);
  Fills.prototype.settle = settle;
  Tiers.prototype.store = store;
}

const servesOld = ({ outdated, lateOld }: Verdict) => outdated.length + lateOld.length > 0;

afterEach(switchOff);

it.each(MUTANTS.map((mutant) => [mutant.name, mutant] as const))('catches a gate that %s', async (_, mutant) => {
  let caughtBy: string | undefined;
  for (const cell of allCells()) {
    if (mutant.ways?.includes(cell.way.name) === false) continue;
    switchOn(mutant);
    const mutated = await runCell(cell);
    switchOff();
    if (!servesOld(mutated) || servesOld(await runCell(cell))) continue;
    caughtBy = cellName(cell);
    break;
  }
  expect(caughtBy).toBeDefined();
});
