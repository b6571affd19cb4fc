// The kinds of fill the data cache knows: what is stored before, and who asks.

import type { FillTerms } from '../../src/engine/values/value-contract.ts';
import { type Asked, settle } from './data-source.ts';
import { type DataWorld, type Ending, GRACE_MS, TTL_MS } from './data-world.ts';

export interface DataKind {
  readonly name: string;
  /** Brings about what is stored before. */
  readonly prime?: (world: DataWorld) => Promise<void>;
  /** The requests that begin the fill, or join it; they come before the invalidation. */
  readonly ask: (world: DataWorld) => Asked[];
  /** After asking, so long until the fill goes on. */
  readonly waitMs?: number;
  /** How the fill ends, and those of the ones that come later. */
  readonly ending: Ending;
  /** False: its result is for its callers alone, or there is none. */
  readonly keeps: boolean;
  /** True: a stale value may be given where fills fail, unless it is outdated. */
  readonly grace?: true;
  /** True: the fill is a get that is slow, and what it finds is put into memory. */
  readonly promotes?: true;
}

async function primeStale(world: DataWorld): Promise<void> {
  await world.set(world.source.version, { graceMs: GRACE_MS });
  world.time.advance(TTL_MS);
}

async function primeDue(world: DataWorld): Promise<void> {
  await world.set(world.source.version);
  world.time.advance(TTL_MS * 0.9);
}

async function primeFresh(world: DataWorld): Promise<void> {
  await world.set(world.source.version);
}

/** In the slow tier alone, whose next get is held. */
async function primeBelow(world: DataWorld): Promise<void> {
  await world.set(world.source.version);
  world.evict();
  await settle();
  world.slow?.hold('get');
}

const filled =
  (ending: Ending, terms: Partial<FillTerms> = {}): DataKind['ask'] =>
  (world) => [world.getOrSet('the first', ending, terms)];

export const DATA_KINDS: readonly DataKind[] = [
  { name: 'miss', ask: filled('value'), ending: 'value', keeps: true },
  {
    name: 'miss, joined',
    ask: (world) => [world.getOrSet('the first', 'value', {}), world.getOrSet('a joiner', 'value', {})],
    ending: 'value',
    keeps: true,
  },
  { name: 'in grace', prime: primeStale, ask: filled('value', { graceMs: GRACE_MS }), ending: 'value', keeps: true },
  {
    name: 'in grace, fails',
    prime: primeStale,
    ask: filled('failure', { graceMs: GRACE_MS }),
    ending: 'failure',
    keeps: false,
    grace: true,
  },
  {
    name: 'given early',
    prime: primeStale,
    ask: filled('value', { graceMs: GRACE_MS, softMs: 100 }),
    waitMs: 100,
    ending: 'value',
    keeps: true,
  },
  { name: 'early refresh', prime: primeDue, ask: filled('value', { earlyRefresh: 0.8 }), ending: 'value', keeps: true },
  {
    name: 'not modified',
    prime: primeStale,
    ask: filled('not modified', { graceMs: GRACE_MS }),
    ending: 'not modified',
    keeps: true,
  },
  { name: 'forced', prime: primeFresh, ask: filled('value', { refresh: true }), ending: 'value', keeps: true },
  { name: 'skipped', ask: filled('skip'), ending: 'skip', keeps: false },
  { name: 'get and set', ask: (world) => [world.getAndSet('the first')], ending: 'value', keeps: true },
  {
    name: 'promoted by get',
    prime: primeBelow,
    ask: (world) => [world.get('the first')],
    ending: 'value',
    keeps: true,
    promotes: true,
  },
  {
    name: 'promoted by fill',
    prime: primeBelow,
    ask: filled('value'),
    ending: 'value',
    keeps: true,
    promotes: true,
  },
];
