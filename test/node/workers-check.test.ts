// `tidegate check --platform workers`, with the wrangler configuration beside the gate's.

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkWorkers } from '../../src/node/operator/cli/workers-check.ts';

const GATE = `export default {
  origins: { own: { handler: () => new Response('a') }, app: { service: 'APP' } },
  routes: [{ origin: 'own', match: { path: '/a*' } }, { origin: 'app' }],
  tiers: ['memory', 'kv'],
  KV
};`;
const gate = (kv = '') => GATE.replace('KV', kv);

const BOUND = {
  durable_objects: { bindings: [{ name: 'TIDEGATE_LOG', class_name: 'TidegateLog' }] },
  services: [{ binding: 'APP', service: 'app' }],
};
const bound = (id: string) => ({ ...BOUND, kv_namespaces: [{ binding: 'TIDEGATE_KV', id }] });

function check(files: Record<string, string>, asJson = false): Promise<string> {
  const cwd = mkdtempSync(join(tmpdir(), 'tidegate-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text);
  return checkWorkers({ cwd }, asJson);
}

async function problems(files: Record<string, string>): Promise<string[]> {
  const error = await check(files).then(
    (text) => expect.fail(`expected a refusal, got ${text}`),
    (reason: unknown) => reason as Error & { readonly code: string },
  );
  expect(error.code).toBe('E_CONFIG');
  return error.message.split('\n  ').slice(1);
}

describe('check --platform workers', () => {
  test('says what a right configuration means, and that no binding was looked at', async () => {
    const lines = (await check({ 'tidegate.config.ts': gate() })).split('\n');
    expect(lines).toEqual([
      'origin own: the handler of this Worker',
      'origin app: the service APP',
      'route route-1: to own, profile safe',
      'route route-2: to app, profile safe',
      'tiers: memory, kv',
      'coherence: lease of 1000 ms, a log for all requests',
      expect.stringMatching(/^bindings: not checked/),
      'The configuration is right.',
    ]);
  });

  test('reads wrangler.jsonc with its comments, and prints JSON', async () => {
    const wrangler = `{ // "a": 1\n /* "services" */ "name": "x // , }", ${JSON.stringify(bound('1')).slice(1, -1)}, }`;
    const files = { 'tidegate.config.ts': gate(), 'wrangler.jsonc': wrangler };
    expect(await check(files)).toContain('bindings: as in ');
    expect(JSON.parse(await check(files, true))).toMatchObject({
      origins: { own: { kind: 'handler', handler: 'a function' } },
      coherence: { leaseMs: 1000 },
    });
  });

  test('names what is wrong in the configuration', async () => {
    expect(await problems({ 'tidegate.config.ts': gate('disk: {}, listen: { port: 1 }') })).toEqual([
      expect.stringMatching(/^disk: expected none on Workers/),
      expect.stringMatching(/^listen: expected none on Workers/),
    ]);
    await expect(check({})).rejects.toThrow(/expected one of tidegate\.config\.ts, .*, got none$/);
  });

  test('names bindings that an environment lacks: it has none of another', async () => {
    const wrangler = { ...bound('1'), env: { preview: { ...BOUND }, empty: {} } };
    const found = await problems({ 'tidegate.config.ts': gate(), 'wrangler.json': JSON.stringify(wrangler) });
    expect(
      found.map((line) => line.replace(/: expected .* bound as (\w+), got nothing; it comes by .*/, ' $1')),
    ).toEqual([
      'env.preview: kv.binding TIDEGATE_KV',
      'env.empty: coherence.binding TIDEGATE_LOG',
      'env.empty: kv.binding TIDEGATE_KV',
      'env.empty: origins.app.service APP',
    ]);
  });

  test('environments do not share a KV namespace, unless their keys differ', async () => {
    const wrangler = JSON.stringify({ ...bound('1'), env: { preview: bound('1'), next: bound('2') } });
    expect(await problems({ 'tidegate.config.ts': gate(), 'wrangler.json': wrangler })).toEqual([
      'env.preview: kv.binding: expected a namespace of its own, or an environment in the configuration, got that of the top level',
    ]);
    const named = gate("environment: 'preview'");
    expect(await check({ 'tidegate.config.ts': named, 'wrangler.json': wrangler })).toContain('is right');
  });

  test('the platform caches the entrypoint of the tier, and never the gate itself', async () => {
    const config = gate().replace("['memory', 'kv']", "['workers-cache']");
    const filesOf = (wrangler: object) => ({ 'tidegate.config.ts': config, 'wrangler.json': JSON.stringify(wrangler) });
    const stored = { TidegateStored: { type: 'worker', cache: { enabled: true } } };
    const own = { default: { type: 'worker', cache: { enabled: false } } };
    expect(await problems(filesOf(BOUND))).toEqual([
      expect.stringMatching(
        /^tiers: expected the platform's cache before TidegateStored, got none; it comes by "exports"/,
      ),
    ]);
    const gateCached = expect.stringMatching(/^exports\.default\.cache\.enabled: expected false/);
    expect(await problems(filesOf({ ...BOUND, cache: { enabled: true } }))).toEqual([gateCached]);
    expect(await problems(filesOf({ ...BOUND, exports: { ...stored, default: stored.TidegateStored } }))).toEqual([
      gateCached,
    ]);
    const right = { ...BOUND, cache: { enabled: true }, exports: { ...stored, ...own } };
    expect(await check(filesOf(right))).toContain('is right');
    expect(await check(filesOf({ ...right, env: { preview: BOUND } }))).toContain('is right');
  });

  test('schedules run at cron triggers that are there', async () => {
    const config = gate().replace('tiers:', "schedule: [{ cron: '*/5 * * * *', manifest: true }], tiers:");
    const wrangler = (crons: string[]) => ({
      'tidegate.config.ts': config,
      'wrangler.json': JSON.stringify({ ...bound('1'), triggers: { crons } }),
    });
    expect(await problems(wrangler(['0 * * * *']))).toEqual([
      'schedule[0].cron: expected one of triggers.crons, 0 * * * *, got "*/5 * * * *"',
    ]);
    expect(await check(wrangler(['*/5 * * * *']))).toContain('is right');
  });

  test('refuses a wrangler configuration that is no JSON', async () => {
    const found = await problems({ 'tidegate.config.ts': gate(), 'wrangler.json': '{' });
    expect(found).toEqual([expect.stringMatching(/^expected JSON, with comments if need be, got /)]);
  });
});
