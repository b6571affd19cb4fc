// What caches outside the gate may hold of its answers, as they themselves reckon it.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Fields, fieldValue } from '../../src/semantics/fields.ts';
import { reuseTerms } from '../../src/semantics/freshness.ts';
import { type OutwardRules, outwardFields } from '../../src/semantics/outward.ts';
import { CONFORMANCE_POLICY } from '../../src/semantics/policy.ts';
import { decideStoring } from '../../src/semantics/storing.ts';
import { type Ask, Client } from '../kit/clients.ts';
import { gateBench } from '../kit/gate-bench.ts';
import { MapStore } from '../kit/map-store.ts';
import { MemoryBodies } from '../kit/memory-bodies.ts';
import { turns } from '../kit/slow-log.ts';

const RULES: OutwardRules = {
  ...{ maxAge: 30, sMaxage: 60, staleWhileRevalidate: 20 },
  targeted: ['cdn-cache-control', 'cloudflare-cdn-cache-control'],
};

function outwardBench(rules: OutwardRules = RULES, parts: Parameters<typeof gateBench>[1] = {}) {
  const bench = gateBench({}, parts);
  const route = { ...bench.route, outward: rules };
  const ask = (what: Ask) => Client.ask(bench.gate, route, what);
  return { ...bench, ask, get: (path: string, fields: Fields = []) => ask({ path, fields }) };
}

const said = (client: Client) => ['cache-control', ...RULES.targeted].map((name) => client.field(name));
const NOTHING = ['private, max-age=0, must-revalidate', 'no-store', 'no-store'];

/** For how many seconds a shared cache serves the answer without asking. */
function heldBy(fields: Fields, targetedFields: readonly string[]): number {
  const policy = { ...CONFORMANCE_POLICY, targetedFields };
  const now = 0;
  const head = { status: 200, fields };
  const asked = { method: 'GET', uri: 'http://h/', fields: [] };
  if (decideStoring(asked, head, { policy, delimited: true }).kind === 'refuse') return 0;
  const { terms, bornMs } = reuseTerms(head, policy, { requestTimeMs: now, responseTimeMs: now });
  return terms.noCache ? 0 : Math.max(0, (terms.lifetimeMs + bornMs - now) / 1000);
}

describe('what caches outside may hold', () => {
  it('is said by a fresh answer and by hits, from each answer on', () => {
    const { get, origin, time } = outwardBench();
    const first = get('/a');
    origin.last.answer(200, ['cache-control', 'public, max-age=3600', 'expires', 'Thu, 01 Jan 2037 00:00:00 GMT'], 'a');
    expect(said(first)).toEqual([
      's-maxage=60, max-age=30, must-revalidate',
      ...['max-age=60, stale-while-revalidate=20', 'max-age=60, stale-while-revalidate=20'],
    ]);
    expect(first.field('expires')).toBeUndefined();
    time.advance(100_000);
    const hit = get('/a');
    expect([hit.outcome?.hit, hit.text, hit.field('age')]).toEqual([true, 'a', '100']);
    expect(said(hit)).toEqual([
      's-maxage=160, max-age=130, must-revalidate',
      ...['max-age=160, stale-while-revalidate=20', 'max-age=160, stale-while-revalidate=20'],
    ]);
  });

  it('never ends after the stored response is stale', () => {
    const { get, origin, time } = outwardBench();
    get('/a');
    origin.last.answer(200, ['cache-control', 'max-age=110'], 'a');
    time.advance(40_000);
    expect(said(get('/a'))[1]).toBe('max-age=100, stale-while-revalidate=10');
    time.advance(50_000);
    expect(said(get('/a')).slice(0, 2)).toEqual([
      's-maxage=110, max-age=110, must-revalidate',
      'max-age=110, must-revalidate',
    ]);
  });

  it('is nothing where the gate stores nothing', () => {
    const { ask, get, origin } = outwardBench();
    const answers: [Ask, Fields, string][] = [
      [{ path: '/own' }, ['cache-control', 'max-age=600, private'], NOTHING[0] as string],
      [{ path: '/none' }, ['cache-control', 'no-store, max-age=9'], `no-store, ${NOTHING[0]}`],
      [{ path: '/past', bypass: true }, ['cache-control', 'max-age=600'], NOTHING[0] as string],
      [{ path: '/write', method: 'POST' }, ['cache-control', 'max-age=600'], NOTHING[0] as string],
    ];
    for (const [what, fields, expected] of answers) {
      const client = ask(what);
      origin.last.answer(200, ['surrogate-control', 'max-age=9', ...fields], 'x');
      const directives = (text: string | undefined) => text?.split(', ').sort();
      expect(directives(client.field('cache-control'))).toEqual(directives(expected));
      expect(said(client).slice(1)).toEqual(NOTHING.slice(1));
      expect(client.field('surrogate-control')).toBeUndefined();
    }
    const failed = get('/down');
    origin.last.answer(500, [], 'x');
    expect(said(failed)).toEqual(NOTHING);
  });

  it('is said by parts, by 304 and by HEAD as well', () => {
    const { ask, get, origin } = outwardBench();
    get('/a');
    origin.last.answer(200, ['cache-control', 'max-age=3600', 'etag', '"1"'], '0123456789');
    const part = get('/a', ['range', 'bytes=0-3']);
    const same = get('/a', ['if-none-match', '"1"']);
    const head = ask({ path: '/a', method: 'HEAD' });
    expect([part.status, same.status, head.status]).toEqual([206, 304, 200]);
    for (const client of [part, same, head]) expect(said(client)[1]).toBe('max-age=60, stale-while-revalidate=20');
    expect(head.field('content-length')).toBe('10');
    expect(origin.count).toBe(1);
  });

  it('is said of bodies that stand elsewhere', async () => {
    const bodies = new MemoryBodies();
    const { get, origin } = outwardBench(RULES, { bodies, stores: [new MapStore()] });
    get('/big');
    const forward = origin.last.head(200, ['cache-control', 'max-age=3600']);
    for (let at = 0; at < 6; at++) forward.data('x'.repeat(1024 * 1024));
    await turns();
    forward.end();
    await turns();
    const hit = get('/big');
    expect(hit.outcome?.hit).toBe(true);
    expect(said(hit)[0]).toBe('s-maxage=60, max-age=30, must-revalidate');
  });

  it('leaves what is stored, and the answers of other routes, as they are', () => {
    const { get, gate, route, origin } = outwardBench();
    get('/a');
    origin.last.answer(200, ['cache-control', 'max-age=3600'], 'a');
    const plain = Client.ask(gate, route, { path: '/a' });
    expect([plain.outcome?.hit, plain.field('cache-control')]).toEqual([true, 'max-age=3600']);
    expect(plain.field('cdn-cache-control')).toBeUndefined();
  });

  it('is at most what the route allows and what is left, as any cache reckons it', () => {
    const seconds = fc.nat(100);
    const directive = fc.constantFrom(
      'public',
      'private',
      'no-store',
      'immutable',
      'max-age=999',
      's-maxage=999',
      'no-transform',
    );
    fc.assert(
      fc.property(
        fc.record({ maxAge: seconds, sMaxage: seconds, staleWhileRevalidate: seconds }),
        fc.record({ age: seconds, left: fc.integer({ min: -50, max: 100 }) }),
        fc.uniqueArray(directive),
        (rules, { age, left }, directives) => {
          const given = [
            'age',
            String(age),
            'cache-control',
            directives.join(', '),
            'expires',
            'Thu, 01 Jan 2037 00:00:00 GMT',
          ];
          const fields = outwardFields(given, { ...rules, targeted: ['cdn-cache-control'] }, { age, left });
          const fresh = Math.max(0, left);
          for (const targeted of [[], ['cdn-cache-control']]) {
            const held = heldBy(fields, targeted);
            expect(held).toBeLessThanOrEqual(Math.min(rules.sMaxage, fresh));
            if (/private|no-store/.test(directives.join())) expect(held).toBe(0);
            else expect(held).toBe(Math.min(rules.sMaxage, fresh));
          }
          const ownAge = Number(/(?<!s-)max-age=(\d+)/.exec(fieldValue(fields, 'cache-control') as string)?.[1]) - age;
          expect(Math.max(0, ownAge)).toBe(Math.min(rules.maxAge, fresh));
          const stale = Number(/revalidate=(\d+)/.exec(fieldValue(fields, 'cdn-cache-control') as string)?.[1] ?? 0);
          expect(stale + Math.min(rules.sMaxage, fresh)).toBeLessThanOrEqual(fresh);
        },
      ),
    );
  });
});
