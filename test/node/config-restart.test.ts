// What a reload brings into force, and what waits for the next start.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { resolveConfig } from '../../src/node/config/config.ts';
import { needsRestart, reloaded } from '../../src/node/config/restart.ts';
import { origins } from './config-kit.ts';

const resolve = (options: object) => resolveConfig({ origins, ...options } as never, { env: {} });
const secret = '0123456789abcdef0123456789abcdef';

const FIXED = {
  listen: { port: 9_000 },
  admin: { port: 9_001 },
  positions: { secret },
  memory: { maxBytes: 123_000_000 },
  cluster: { url: 'redis://a' },
  limits: { maxConnections: 77 },
  log: { level: 'warn' },
  cacheName: 'other',
  prober: { share: 0.5 },
};

test.each(Object.entries(FIXED))('%s waits for the next start', (key, value) => {
  const [before, after] = [resolve({}), resolve({ [key]: value })];
  expect(needsRestart(before, after)).toEqual([key]);
  expect(reloaded(before, after)).toEqual(before);
  expect(needsRestart(after, after)).toEqual([]);
});

test('origins and routes change with a reload, whatever else waits', () => {
  const before = resolve({});
  const after = resolve({ ...FIXED, routes: [{ match: { path: '/static/*' }, defaultTtl: '1h' }] });
  expect(needsRestart(before, after)).toEqual(Object.keys(FIXED));
  expect(reloaded(before, after)).toEqual({ ...before, origins: after.origins, routes: after.routes });
});

test('certificates change with a reload, the rest of `listen` does not', () => {
  const listening = (port: number, certificates: readonly string[]) => ({
    ...resolve({}),
    listen: { ...resolve({}).listen, port, tls: { certificates } },
  });
  const [before, after] = [listening(1, ['old']) as never, listening(2, ['new']) as never];
  expect(reloaded(before, after).listen).toMatchObject({ port: 1, tls: { certificates: ['new'] } });
  expect(needsRestart(before, after)).toEqual(['listen']);
  expect(reloaded(resolve({}), after).listen).toEqual(resolve({}).listen);
});

test('the documentation names all that waits', () => {
  const text = readFileSync('docs/configuration.md', 'utf8');
  const [, sentence = ''] =
    /stands in the log, at level `error`[^.]*\.([^.]*) wait for the next start/.exec(text) ?? [];
  const named = [...sentence.matchAll(/`(\w+)`/g)].map(([, name]) => name);
  expect(named.sort()).toEqual([...Object.keys(FIXED), 'disk', 'workers'].sort());
});
