// The invariant of a cache's front: whatever an origin may answer by is in the key, or the same for every request.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CookieOptions, cookieRules, countingNames } from '../../src/engine/answers/edits.ts';
import { requestVariantKey } from '../../src/engine/http/draft.ts';
import { type AdmissionDeps, admit } from '../../src/node/front/admission.ts';
import { trustOf, UNSTATED } from '../../src/node/front/trusted-proxies.ts';
import { type Fields, fieldValue, filterFields } from '../../src/semantics/fields.ts';
import { CONFORMANCE_POLICY, SAFE_POLICY } from '../../src/semantics/policy.ts';
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

/** What a client sends for itself. */
const OWN = [
  ['Cookie', 'lang=de'],
  ['Cookie', 'lang=en; session=alice'],
  ['cookie', 'session=bob;lang=de'],
  ['Cookie', '_ga=1; lang=de ;  theme=dark'],
  ['Cookie', 'theme=dark; lang=de'],
  ['Cookie', 'nameless'],
  ['Cookie', 'tidegate-position-shop=p:5'],
  ['Cookie', 'lang="a, b"'],
  ['Cookie', 'lang="a,b"'],
  ['Authorization', 'Bearer alice'],
];
const DIRECTIVES = [
  ['Cache-Control', 'no-cache'],
  ['Cache-Control', 'max-age=0'],
  ['Cache-Control', 'max-stale, only-if-cached'],
  ['Pragma', 'no-cache'],
];

const REQUEST = fc.record({
  absolute: part('', 'http://'),
  method: part('GET', 'HEAD', 'POST'),
  target: part('/', '/a', '/a?', '/a?b=1&c=2', '/a?c=2&b=1', '/%61', '/a?utm=1&b=1', '/a?%75tm=1&b=1', '/a?b=1', '/A'),
  host: part('a.example', 'A.EXAMPLE', 'a.example:80', 'a.example:443', 'a.example:8080', 'a.example.'),
  claims: fc.subarray(CLAIMS),
  own: fc.subarray(OWN, { maxLength: 2 }),
  directives: fc.subarray(DIRECTIVES),
  trusted: fc.boolean(),
});

const NAMES = fc.subarray(['lang', 'theme', '_*', 'tide*']);
const COOKIES: fc.Arbitrary<CookieOptions | undefined> = fc.option(
  fc.record({ key: NAMES, drop: fc.oneof(fc.constant('all' as const), NAMES) }),
  { nil: undefined },
);
const GIVEN = fc.constantFrom({ ttlMs: 1 }, { defaultTtlMs: 1 }, { negativeTtlMs: 1 }, { editsFreshness: true });
const POLICY = fc.record({ base: part('safe', 'conformance'), given: GIVEN, cookies: COOKIES }).map((made) => ({
  ...(made.base === 'safe' ? SAFE_POLICY : { ...CONFORMANCE_POLICY, clientDirectives: 'ignore' as const }),
  ...made.given,
  cookies: made.cookies && cookieRules(made.cookies),
}));

const RULES = fc.record({
  query: fc.constantFrom(
    undefined,
    (name: string) => name === 'utm',
    (name: string) => name !== 'utm',
  ),
  sortQuery: fc.boolean(),
  originHost: fc.constantFrom(undefined, 'internal'),
});

type Asked = typeof REQUEST extends fc.Arbitrary<infer T> ? T : never;

function forwardedOf(asked: Asked, deps: Omit<AdmissionDeps, 'trust'>) {
  const { absolute, method, target, host, claims, own, directives, trusted } = asked;
  const raw = {
    method,
    target: absolute === '' ? target : `${absolute}${host}${target}`,
    httpVersion: '1.1',
    rawHeaders: ['Host', host, ...[...claims, ...own, ...directives].flat()],
  };
  const admission = admit(
    raw,
    { address: '10.0.0.1', scheme: 'http', localAuthority: () => 'local' },
    { ...deps, trust: () => (trusted ? BELIEVING : UNSTATED) },
  );
  return admission.kind === 'admitted' && !admission.request.bypass ? admission.request : undefined;
}

const BELIEVING = trustOf({
  ...{ from: ['10.0.0.0/8'], client: true, host: true, scheme: true, overrides: true },
  directives: false,
});

test('equal cache keys imply equal forwarded requests', () => {
  fc.assert(
    fc.property(RULES, POLICY, fc.array(REQUEST, { minLength: 2, maxLength: 12 }), (rules, policy, requests) => {
      const site = siteRoute(rules);
      const route = { ...site.route, policy };
      const router = routerTo({ ...site, route });
      const forwarded = new Map<string, { target: string; fields: Fields }>();
      for (const asked of requests) {
        const request = forwardedOf(asked, { site: () => ({ router }), limits: LIMITS, cacheName: 'tidegate' });
        if (request === undefined) continue;
        const { method, uri, target } = request;
        if (method === 'POST') continue;
        // It says how far its client has written, to another gate.
        const fields = filterFields(request.fields, (name) => name !== 'tidegate-position');
        const key = requestVariantKey(`${method} ${uri}`, countingNames([], route), { ...request, body: undefined });
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

test('several lines of Cookie are forwarded as one, which no other request has', () => {
  const site = siteRoute({});
  const cookieOf = (...lines: string[]) => {
    const rawHeaders = ['Host', 'a.example', ...lines.flatMap((line) => ['Cookie', line])];
    const raw = { method: 'GET', target: '/', httpVersion: '1.1', rawHeaders };
    const peer = { address: '10.0.0.1', scheme: 'http', localAuthority: () => 'local' } as const;
    const deps = {
      site: () => ({ router: routerTo(site) }),
      limits: LIMITS,
      cacheName: 'tidegate',
      trust: () => UNSTATED,
    };
    const admission = admit(raw, peer, deps);
    return admission.kind === 'admitted' ? fieldValue(admission.request.fields, 'cookie') : undefined;
  };
  expect(cookieOf('a=1', 'b=2')).toBe('a=1; b=2');
  expect(cookieOf('a=1, b=2')).toBe('a=1, b=2');
});
