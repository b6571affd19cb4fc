// The invariant of a cache's front: whatever an origin may answer by is in the key, or the same for every request.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AdmissionDeps, admit } from '../../src/node/front/admission.ts';
import type { Fields } from '../../src/semantics/fields.ts';
import { LIMITS, routerTo, siteRoute } from './front-kit.ts';

const part = (...values: string[]) => fc.constantFrom(...values);

const CLAIMS = [
  ['X-Forwarded-Host', 'b.example'],
  ['X-Forwarded-Host', 'a.example:80'],
  ['x-forwarded-proto', 'https'],
  ['X-Forwarded-Proto', 'http'],
  ['X-Forwarded-Port', '1'],
  ['X-Forwarded-Prefix', '/p'],
  ['X-Original-URL', '/o'],
  ['X_HTTP_Method_Override', 'PUT'],
  ['X-HTTP-Method-Override', 'PUT'],
  ['Forwarded', 'host=c.example'],
  ['X-Host', 'd.example'],
  ['Connection', 'host, x-forwarded-host'],
  ['Content-Length', '0'],
];

const REQUEST = fc.record({
  absolute: part('', 'http://'),
  method: part('GET', 'HEAD', 'POST'),
  target: part('/', '/a', '/a?', '/a?b=1&c=2', '/a?c=2&b=1', '/%61', '/a?utm=1&b=1', '/a?%75tm=1&b=1', '/a?b=1', '/A'),
  host: part('a.example', 'A.EXAMPLE', 'a.example:80', 'a.example:443', 'a.example:8080', 'a.example.'),
  claims: fc.subarray(CLAIMS),
  trusted: fc.boolean(),
});

const DROPPED = new Set(['utm']);
const RULES = fc.record({
  query: fc.constantFrom(
    { kind: 'all' as const },
    { kind: 'keep' as const, names: DROPPED },
    { kind: 'drop' as const, names: DROPPED },
  ),
  sortQuery: fc.boolean(),
  originHost: fc.constantFrom(undefined, 'internal'),
});

type Asked = typeof REQUEST extends fc.Arbitrary<infer T> ? T : never;

function forwardedOf({ absolute, method, target, host, claims, trusted }: Asked, deps: Omit<AdmissionDeps, 'trust'>) {
  const raw = {
    method,
    target: absolute === '' ? target : `${absolute}${host}${target}`,
    httpVersion: '1.1',
    rawHeaders: ['Host', host, ...claims.flat()],
  };
  const admission = admit(
    raw,
    { address: '10.0.0.1', scheme: 'http', localAuthority: () => 'local' },
    { ...deps, trust: () => trusted },
  );
  return admission.kind === 'admitted' && !admission.request.bypass ? admission.request : undefined;
}

test('equal cache keys imply equal forwarded requests', () => {
  fc.assert(
    fc.property(RULES, fc.array(REQUEST, { minLength: 2, maxLength: 12 }), (rules, requests) => {
      const router = routerTo(siteRoute(rules));
      const forwarded = new Map<string, { target: string; fields: Fields }>();
      for (const asked of requests) {
        const request = forwardedOf(asked, { router: () => router, limits: LIMITS, cacheName: 'tidegate' });
        if (request === undefined) continue;
        const { method, uri, target, fields } = request;
        const key = `${method} ${uri}`;
        const before = forwarded.get(key) ?? { target, fields };
        expect(before).toEqual({ target, fields });
        forwarded.set(key, { target, fields });
        expect(uri).toMatch(/^https?:\/\/[a-z0-9.:]+\//);
        expect(uri.endsWith(target)).toBe(true);
      }
    }),
    { numRuns: 1_000 },
  );
});
