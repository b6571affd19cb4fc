// What operators write: configurations, selectors of entries, patterns. Anything may be refused, with its reason.

import { normalTarget } from '../../../src/entry/key.ts';
import { parseSelectors } from '../../../src/entry/selectors.ts';
import { normalGlob, parseUri, patternForms, prefixForms } from '../../../src/entry/uri-forms.ts';
import { TidegateError } from '../../../src/errors.ts';
import { globMatcher } from '../../../src/ledger/glob.ts';
import { resolveConfig } from '../../../src/node/config/config.ts';
import { compileSite } from '../../../src/site/compile-site.ts';
import { bytesTarget, holds, jsonTarget } from '../target.ts';

/** What it gives, or why it was refused on purpose. */
function orRefused(work: () => string): string {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof TidegateError)) throw error;
    holds('a refusal says what was expected', error.message.length > 10);
    return error.code;
  }
}

const ORIGIN = { forward: () => ({ abort() {}, pause() {}, resume() {} }) };

const configurations = jsonTarget({
  name: 'configurations',
  seeds: [
    { origins: { app: { url: 'http://127.0.0.1:3000' } } },
    {
      listen: { host: '0.0.0.0', port: 80, proxyProtocol: true },
      admin: { port: 0, token: 'abc' },
      memory: { maxBytes: 1 },
      origins: {
        app: { url: 'https://a.test', retries: 2, circuitBreaker: { failures: 1, open: '1s' } },
        b: { url: 'http://b.test' },
      },
      routes: [
        {
          match: { host: ['a.test', '*.b.test:8080'], path: ['/x*', '/y?'] },
          origin: 'app',
          query: { drop: ['a'] },
          bypass: [{ header: { name: 'x', value: '*' } }],
        },
        {
          origin: 'b',
          ttl: '1h',
          cookies: { key: ['a'], drop: 'all' },
          compress: { codings: ['br'] },
          response: { set: { 'x-a': 'b' } },
          outward: { maxAge: 1 },
        },
      ],
      schedule: [{ every: '1m', urls: ['http://a.test/'] }],
      limits: { maxFields: 3, headTimeout: '1s' },
      trustedProxies: ['10.0.0.0/8', '::1'],
      targetedFields: ['cdn-cache-control'],
      workers: 'auto',
    },
  ].map((config) => JSON.stringify(config)),
  words: [
    'origins',
    'routes',
    'match',
    'path',
    'host',
    'ttl',
    'query',
    'keep',
    'drop',
    'bypass',
    'cookie',
    'all',
    'auto',
    '1h',
    '*',
    'http://x',
    'set',
    'remove',
    '/a\\',
    '__proto__',
    'constructor',
  ],
  run: (input) =>
    orRefused(() => {
      const config = resolveConfig(input, { directory: '/nowhere', env: {}, source: 'fuzz' });
      const router = compileSite(config, new Map(Object.keys(config.origins).map((name) => [name, ORIGIN])));
      const found = router.match('a.test', '/x/y');
      return `routes ${config.routes.length} ${found === undefined}`;
    }),
});

const selectors = jsonTarget({
  name: 'selectors',
  seeds: [
    { urls: ['http://a.test/b?c'] },
    { tags: ['a', 'b'] },
    { prefixes: ['http://a.test/'], patterns: ['http://*.test/*'] },
    { all: true },
  ].map((one) => JSON.stringify(one)),
  words: [
    'url',
    'urls',
    'tags',
    'prefix',
    'prefixes',
    'patterns',
    'pattern',
    'all',
    'origins',
    'http://a.test/%41',
    'https://[::1]/',
    '*',
    '\\*',
    'http://a.test:80/../x#f',
  ],
  run: (input) =>
    orRefused(() =>
      parseSelectors(input)
        .map(({ kind }) => kind)
        .slice(0, 4)
        .join(),
    ),
});

const uris = bytesTarget({
  name: 'uris',
  seeds: [
    'http://example.org/a/../b?c=%41',
    '/a/%2e%2e/b;c?d',
    'https://[::1]:443/*',
    '/a*b?c\\*d',
    'http://b\xfccher.example/\xe9',
  ],
  words: [
    '%2e',
    '%2F',
    '/../',
    '/./',
    '//',
    '*',
    '**',
    '?',
    '\\',
    '#',
    '@',
    ':80',
    'http://',
    '%',
    '%zz',
    '%C3%A9',
    '[',
    ']',
    ';',
  ],
  run(bytes) {
    const text = bytes.toString('latin1');
    const once = normalTarget(text);
    holds('a target is normalised once and for all', normalTarget(once) === once);
    const glob = normalGlob(text);
    const matches = globMatcher(glob.slice(0, 200));
    for (const sample of [text, once, 'a'.repeat(2_000)]) matches(sample);
    const forms = [parseUri, prefixForms, patternForms].map((form) => orRefused(() => String(form(text).length > 0)));
    return `${forms.join(' ')} ${once === text}`;
  },
});

export const OPERATOR_TARGETS = [configurations, selectors, uris];
