// `tidegate check --platform workers`, with the wrangler configuration beside the gate's.

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkWorkers } from '../../src/node/operator/cli/workers-check.ts';
import { NODE, ROOT, run } from '../runtime/node/kit.ts';

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

function folderOf(files: Record<string, string>): string {
  const cwd = mkdtempSync(join(tmpdir(), 'tidegate-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text);
  return cwd;
}

function check(files: Record<string, string>, asJson = false): Promise<string> {
  return checkWorkers({ cwd: folderOf(files) }, asJson);
}

/** Loaded by Node itself, which Vitest stands before in this process. */
async function checkByNode(files: Record<string, string>): Promise<string> {
  const bin = join(ROOT, 'src/node/bin.ts');
  const { code, text, stderr } = await run(NODE, [bin, 'check', '--platform', 'workers'], { cwd: folderOf(files) });
  if (code === 0) return text.trim();
  throw Object.assign(new Error(stderr.trim()), { code: stderr.slice(0, 8) });
}

async function problems(files: Record<string, string>, by = check): Promise<string[]> {
  const error = await by(files).then(
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

  test('environments do not share a KV namespace, for the gate does not use that of another', async () => {
    const wrangler = JSON.stringify({
      ...bound('1'),
      env: { preview: bound('1'), next: bound('2'), last: bound('2') },
    });
    const wanted = 'expected a namespace of its own (npx wrangler kv namespace create NAME)';
    expect(await problems({ 'tidegate.config.ts': gate(), 'wrangler.json': wrangler })).toEqual([
      `env.preview: kv.binding: ${wanted}, got that of the top level`,
      `env.last: kv.binding: ${wanted}, got that of env.next`,
    ]);
  });

  test('a function is asked for each environment, with the variables of that one', async () => {
    const config = `import { DurableObject, env, waitUntil } from 'cloudflare:workers';
      export class Own extends DurableObject { answer() { waitUntil(env.DB.read()); } }
      export default ({ KV, MODE }) => {
        if (KV !== 'yes' && KV !== 'no') throw new Error('expected KV to be yes or no, got ' + KV);
        return { origins: { app: { url: 'https://app.example' } }, tiers: KV === 'yes' ? ['kv'] : ['memory'], coherence: { mode: MODE } };
      };`;
    const filesOf = (preview: object, production: object) => ({
      'tidegate.config.ts': config,
      'wrangler.json': JSON.stringify({
        ...{ ...BOUND, vars: { KV: 'no', MODE: 'strict' } },
        env: { preview: { ...BOUND, vars: preview }, production: { ...BOUND, vars: production } },
      }),
    });
    expect(await problems(filesOf({ KV: '1' }, { KV: 'no', MODE: 'x' }), checkByNode)).toEqual([
      'env.preview: expected KV to be yes or no, got 1',
      'env.production: coherence.mode: expected one of "lease", "strict", "bounded", got "x"',
    ]);
    expect(await problems(filesOf({ KV: 'no' }, { KV: 'yes' }), checkByNode)).toEqual([
      expect.stringMatching(/^env\.production: kv\.binding: expected a KV namespace bound as TIDEGATE_KV, got nothing/),
    ]);
    expect(
      (await checkByNode(filesOf({ KV: 'no', MODE: 'strict' }, { KV: 'no', MODE: 'strict' }))).split('\n'),
    ).toContain('tiers: memory');
    expect((await checkByNode(filesOf({ KV: 'no', MODE: 'strict' }, { KV: 'no' }))).split('\n').slice(0, -2)).toEqual(
      ['the top level', 'env.preview', 'env.production'].flatMap((name, at) => [
        `${name}:`,
        '  origin app: https://app.example',
        '  route route-1: to app, profile safe',
        '  tiers: memory',
        `  coherence: ${at === 2 ? 'lease of 1000 ms' : 'strict'}, a log for all requests`,
      ]),
    );
  });

  test('a configuration that reads env while it is loaded is right for one environment at most', async () => {
    const config = `import { env } from 'cloudflare:workers';
      export default { origins: { app: { url: env.URL } } };`;
    await expect(checkByNode({ 'tidegate.config.ts': config })).rejects.toThrow(
      /tidegate\.config\.ts cannot be loaded: expected a configuration that is a function of env, got a read of env/,
    );
  });

  test('what withD1 needs is looked for as well', async () => {
    const d1 = JSON.stringify(join(ROOT, 'src/workers/d1/index.ts'));
    const config = `import { createD1Tracker, withD1 } from ${d1};
      const handler = withD1(() => new Response(), { DB: createD1Tracker({ source: 'shop' }) }, { drain: 'DRAIN' });
      export default { origins: { app: { handler } } };`;
    const objects = [...BOUND.durable_objects.bindings, { name: 'DRAIN', class_name: 'TidegateDrain' }];
    const filesOf = (wrangler: object) => ({ 'tidegate.config.ts': config, 'wrangler.json': JSON.stringify(wrangler) });
    expect(await problems(filesOf(BOUND), checkByNode)).toEqual([
      expect.stringMatching(/^withD1: expected a D1 database bound as DB, got nothing; it comes by "d1_databases": /),
      expect.stringMatching(
        /^drain: expected a namespace of Durable Objects bound as DRAIN, got nothing; .*"TidegateDrain"/,
      ),
    ]);
    const all = { durable_objects: { bindings: objects }, d1_databases: [{ binding: 'DB', database_name: 'shop' }] };
    expect(await checkByNode(filesOf(all))).toContain('is right');
  });

  test('a binding is of its kind, a dataset too; a token does not stand in the open', async () => {
    const config = gate("admin: { path: '/a', token: 'TOKEN' }, analytics: { binding: 'DATA' }");
    const filesOf = (wrangler: object) => ({ 'tidegate.config.ts': config, 'wrangler.json': JSON.stringify(wrangler) });
    const analytics = { analytics_engine_datasets: [{ binding: 'DATA', dataset: 'tidegate' }] };
    const kinds = {
      ...bound('1'),
      services: [...BOUND.services, { binding: 'DATA', service: 'x' }],
      vars: { TOKEN: 'a' },
    };
    expect(await problems(filesOf(kinds))).toEqual([
      expect.stringMatching(/^analytics\.binding: expected a dataset bound as DATA, got nothing/),
      'vars.TOKEN: expected none, since it is a secret: npx wrangler secret put TOKEN, got one',
    ]);
    expect(await check(filesOf({ ...bound('1'), ...analytics }))).toContain('is right');
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
