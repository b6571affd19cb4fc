import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Invalidations } from '../../src/ledger/invalidations.ts';
import type { Selector } from '../../src/ledger/selector.ts';

const name = fc.constantFrom('a', 'b', 'c', 'ab', 'abc');
const selector: fc.Arbitrary<Selector> = fc.oneof(
  name.map((uri) => ({ kind: 'url', uri }) as const),
  name.map((tag) => ({ kind: 'tag', tag }) as const),
  name.map((prefix) => ({ kind: 'prefix', prefix }) as const),
  name.map((text) => ({ kind: 'pattern', pattern: `${text}*` }) as const),
  name.map((origin) => ({ kind: 'origin', origin }) as const),
  fc.constant({ kind: 'all' } as const),
);
const affectable = fc.record({ uri: name, origin: name, tags: fc.array(name, { maxLength: 3 }) });

function affects(one: Selector, what: { uri: string; origin: string; tags: readonly string[] }): boolean {
  switch (one.kind) {
    case 'url':
      return one.uri === what.uri;
    case 'tag':
      return what.tags.includes(one.tag);
    case 'prefix':
      return what.uri.startsWith(one.prefix);
    case 'pattern':
      return what.uri.startsWith(one.pattern.slice(0, -1));
    case 'origin':
      return one.origin === what.origin;
    case 'all':
      return true;
  }
}

describe('Invalidations', () => {
  it('names the last invalidation that affects an entry', () => {
    fc.assert(
      fc.property(fc.array(selector, { maxLength: 30 }), affectable, (applied, what) => {
        const log = new Invalidations({ epoch: 'e' });
        for (const one of applied) log.apply(one);
        const expected = applied.findLastIndex((one) => affects(one, what)) + 1;
        expect(log.lastAffecting(what)).toBe(expected);
      }),
    );
  });

  it('may forget, and then invalidates too much, never too little', () => {
    fc.assert(
      fc.property(fc.array(selector, { maxLength: 60 }), affectable, fc.nat(60), (applied, what, since) => {
        const log = new Invalidations({ epoch: 'e', buckets: 2, maxPatterns: 4 });
        for (const one of applied) log.apply(one);
        const expected = applied.findLastIndex((one) => affects(one, what)) + 1;
        expect(log.lastAffecting(what)).toBeGreaterThanOrEqual(expected);
        if (expected > since) expect(log.lastAffecting(what, since)).toBeGreaterThan(since);
      }),
    );
  });

  it('knows whether one between two positions affects an entry, as long as it remembers', () => {
    const numbers = fc.tuple(fc.nat(30), fc.nat(30), fc.constantFrom(4, 256));
    fc.assert(
      fc.property(fc.array(selector, { maxLength: 30 }), affectable, numbers, (applied, what, [since, until, most]) => {
        const log = new Invalidations({ epoch: 'e', maxLatest: most });
        for (const one of applied) log.apply(one);
        const expected = applied.slice(since, until).some((one) => affects(one, what));
        const found = log.mayAffectWithin(what, since, until);
        if (most < 256 && applied.length - since > most / 2) expect([expected, true]).toContain(found);
        else expect(found).toBe(expected);
      }),
    );
    expect(new Invalidations({ from: { ...new Invalidations({ epoch: 'e' }).image(), applied: 9 } })).toSatisfy(
      (log: Invalidations) => log.mayAffectWithin({ uri: 'a', origin: 'o', tags: [] }, 8, 9),
    );
  });
});
