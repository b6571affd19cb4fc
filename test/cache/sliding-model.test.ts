// Random uses of one entry that slides, against a model of when it is there.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Cache } from '../../src/cache/contract.ts';
import { createCacheOn } from '../../src/cache/create-cache.ts';
import { storeTier } from '../../src/cache/store-tier.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { Bytes, type Shape } from './late-tags-world.ts';

const IDLE = 100;
const TTL = 350;
const OPTIONS = { ttl: TTL, sliding: IDLE };
const SHAPES: readonly Shape[] = ['memory', 'memory and a store', 'a store'];

const anyStep = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 120 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('get', 'ask', 'many', 'has') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('change', 'set', 'restart', 'evict') }) },
);
type Step = typeof anyStep extends fc.Arbitrary<infer S> ? S : never;

/** A cache, and what is known of when its entry was stored and used last. */
class World {
  readonly #shape: Shape;
  readonly #time = new SimulatedTime();
  readonly #bytes = new Bytes();
  #cache: Cache;
  #version = 1;
  #stored: { readonly version: number; readonly bornMs: number; usedMs: number } | undefined;

  constructor(shape: Shape) {
    this.#shape = shape;
    this.#cache = this.#open();
  }

  #open() {
    const tiers = this.#shape === 'memory' ? [] : [storeTier({ name: 'map', store: this.#bytes })];
    const time = this.#time;
    const memory = this.#shape === 'a store' ? (false as const) : { maxEntries: 1 };
    return createCacheOn({ memory, tiers }, { clock: time, tasks: time, random: () => 0.5, epoch: 'e' });
  }

  #used(found: number | undefined): void {
    const now = this.#time.now();
    const { bornMs = 0, usedMs = 0, version } = this.#stored ?? {};
    const endMs = Math.min(bornMs + TTL, usedMs + IDLE);
    const behindMs = this.#shape === 'memory' ? 0 : IDLE / 4;
    if (found === undefined) expect(now).toBeGreaterThanOrEqual(endMs - behindMs);
    else expect([now < endMs, found]).toEqual([true, version]);
    if (found === undefined) this.#stored = undefined;
    else if (this.#stored !== undefined) this.#stored.usedMs = now;
  }

  #put(): void {
    const now = this.#time.now();
    this.#stored = { version: this.#version, bornMs: now, usedMs: now };
  }

  async #ask(): Promise<void> {
    const { fills } = this.#cache.stats();
    const given = await this.#cache.getOrSet('k', () => this.#version, OPTIONS);
    const isFilled = this.#cache.stats().fills > fills;
    this.#used(isFilled ? undefined : given);
    if (isFilled) this.#put();
  }

  async take(step: Step): Promise<void> {
    const cache = this.#cache;
    switch (step.kind) {
      case 'wait':
        return this.#time.advance(step.ms);
      case 'get':
        return this.#used(await cache.get<number>('k'));
      case 'many':
        return this.#used((await cache.getMany<number>(['k'])).get('k'));
      case 'has':
        return this.#used((await cache.has('k')) ? this.#stored?.version : undefined);
      case 'ask':
        return this.#ask();
      case 'set':
        await cache.set('k', this.#version, OPTIONS);
        return this.#put();
      case 'change':
        this.#version++;
        await cache.invalidate({ keys: ['k'] });
        this.#stored = undefined;
        return;
      case 'evict':
        if (this.#shape !== 'memory') await cache.set('other', 1);
        return;
      default:
        // With a store alone invalidations are forgotten at the end of the process, so there must be none.
        if (this.#version === 1 && this.#shape !== 'memory') this.#cache = this.#open();
    }
  }
}

test.each(SHAPES)('over %s it is there as long as it is to be, no longer, and never outdated', async (shape) => {
  const property = fc.asyncProperty(fc.array(anyStep, { maxLength: 60 }), async (steps) => {
    const world = new World(shape);
    for (const step of steps) await world.take(step);
  });
  await fc.assert(property, { numRuns: 150 });
});
