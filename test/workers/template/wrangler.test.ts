// Wrangler bundles the project that `tidegate init workers` writes, for each of its environments, as `wrangler deploy` does
// (`--dry-run`). Wrangler comes from the npm registry, in the versions of wrangler/package-lock.json, into a folder of the test's
// own; where there is no registry, this is skipped and says so.

import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { INIT } from '../../../src/node/operator/cli/init-command.ts';
import { run, runWell, tempFolder, unreachableIn, writeJson } from '../../runtime/node/kit.ts';

const folder = tempFolder();
const project = join(folder.path, 'shop');
let unavailable: string | undefined;

beforeAll(async () => {
  const io = { print: () => undefined, printError: () => undefined, exit: () => expect.unreachable() };
  await INIT.commands?.[0]?.run?.({ io, argument: project, options: {} } as never);
  cpSync(fileURLToPath(new URL('wrangler/', import.meta.url)), project, { recursive: true });
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel', 'error'];
  const { code, stderr } = await run('npm', args, { cwd: project, withinMs: 120_000 });
  if (code === 0) return installTidegate();
  unavailable = code === null ? 'npm did not finish in two minutes' : unreachableIn(stderr);
  if (unavailable === undefined) throw new Error(`expected wrangler to be installed, got ${stderr}`);
}, 180_000);

beforeEach((context) => context.skip(unavailable !== undefined, unavailable));

afterAll(() => folder.remove());

/** As the package has it: one module for the entry. */
async function installTidegate(): Promise<void> {
  const installed = join(project, 'node_modules', 'tidegate');
  mkdirSync(installed);
  writeJson(join(installed, 'package.json'), { name: 'tidegate', exports: { './workers': './workers.mjs' } });
  const bundle = await rolldown({
    input: fileURLToPath(new URL('../../../src/workers/index.ts', import.meta.url)),
    platform: 'browser',
    external: ['cloudflare:workers'],
    logLevel: 'silent',
  });
  await bundle.write({ format: 'esm', file: join(installed, 'workers.mjs') });
}

test.each(['', 'preview', 'production'])('wrangler deploy --dry-run --env "%s"', { timeout: 120_000 }, async (name) => {
  rmSync(join(project, 'out'), { recursive: true, force: true });
  const args = ['deploy', '--dry-run', '--outdir', 'out', `--env=${name}`];
  const { text, stderr } = await runWell(join(project, 'node_modules', '.bin', 'wrangler'), args, {
    cwd: project,
    env: { CI: '1', WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true', NO_COLOR: '1' },
    withinMs: 100_000,
  });
  expect(stderr).not.toMatch(/WARNING/);
  const environment = name === '' ? 'dev' : name;
  for (const binding of ['TIDEGATE_LOG (TidegateLog)', 'TIDEGATE_KV', `DB (shop-${environment})`]) {
    expect(text).toContain(`env.${binding}`);
  }
  expect(text).toContain(`env.ENVIRONMENT ("${environment}")`);
  const bundle = readFileSync(join(project, 'out', 'index.js'));
  expect(bundle.toString()).not.toMatch(/(?:from|import|require\()\s*\(?["']node:/);
  // The gate, Hono, and the API.
  expect(gzipSync(bundle).length).toBeLessThan(110 * 1024);
});
