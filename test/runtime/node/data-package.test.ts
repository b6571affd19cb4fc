// The data cache as users get it: the examples of the guides against the package, built, packed and installed.
//
// Package.test.ts builds into `dist`, perhaps at the same time. So this is built, and packed, in a
// folder of its own. Optional libraries are those of this repository.

import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { composed, exampleNames, isBefore, isOnPostgres, isRun, namesIn } from '../../examples/kit.ts';
import { NODE, type Ran, ROOT, readJson, run, runWell, tempFolder, unreachableIn, writeJson } from './kit.ts';

const OTEL = ['@opentelemetry/api', '@opentelemetry/sdk-metrics', '@opentelemetry/sdk-trace-base'];
const OPTIONAL = ['@libsql', ...OTEL, 'drizzle-orm', 'hono', 'miniflare', 'pg', '@types/pg'];
const GUIDES = ['docs/data-cache.md', 'docs/drizzle.md', 'docs/http-handlers.md', 'docs/migrating.md'].concat(
  globSync('docs/data-cache/*.md', { cwd: ROOT }),
);

const folder = tempFolder();
const consumer = join(folder.path, 'consumer');
const installed = join(consumer, 'node_modules', 'tidegate');
const names = exampleNames().filter((name) => !isBefore(name));
let unavailable: string | undefined;
/** Of a program that was run before what is optional was there. */
let bare: Ran | undefined;
const BARE = `import { createCache } from 'tidegate';
import 'tidegate/fetch';
import 'tidegate/node';
import 'tidegate/store';
const cache = createCache();
await cache.set('a', 1);
console.log(await cache.get('a'));
`;

beforeAll(async () => {
  const tarball = await pack();
  mkdirSync(consumer);
  writeJson(join(consumer, 'package.json'), { name: 'consumer', private: true, type: 'module' });
  const args = ['install', '--no-audit', '--no-fund', '--loglevel', 'error', tarball];
  const { code, stderr } = await run('npm', args, { cwd: consumer, withinMs: 120_000 });
  unavailable = code === 0 ? undefined : unreachableIn(stderr);
  if (code !== 0 && unavailable === undefined) throw new Error(`expected an installed package, got ${stderr}`);
  if (unavailable !== undefined) return;
  writeFileSync(join(consumer, 'bare.mjs'), BARE);
  bare = await run(NODE, ['bare.mjs'], { cwd: consumer });
  for (const name of OPTIONAL) {
    const place = join(consumer, 'node_modules', name);
    mkdirSync(dirname(place), { recursive: true });
    // prom-client brings its own @opentelemetry/api, whose types are not those of the SDK here.
    rmSync(place, { recursive: true, force: true });
    symlinkSync(join(ROOT, 'node_modules', name), place);
  }
  for (const name of names) cpSync(join(ROOT, 'examples', name), join(consumer, name), { recursive: true });
}, 260_000);

afterAll(() => folder.remove());

/** Where the tarball is. */
async function pack(): Promise<string> {
  const stage = join(folder.path, 'stage');
  mkdirSync(stage);
  for (const name of ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md']) {
    cpSync(join(ROOT, name), join(stage, name));
  }
  const dist = join(stage, 'dist');
  const withinMs = 120_000;
  await runWell('tsc', ['-p', 'tsconfig.build.json', '--outDir', dist], { cwd: ROOT, withinMs });
  await runWell('rolldown', ['-c', '-d', dist], { cwd: ROOT, withinMs });
  const args = ['pack', '--ignore-scripts', '--json', '--loglevel', 'error', '--pack-destination', folder.path];
  const { text } = await runWell('npm', args, { cwd: stage, withinMs });
  const printed = JSON.parse(text.slice(text.search(/^[[{]/m))) as object;
  const [{ filename }] = Object.values(printed) as [{ readonly filename: string }];
  return join(folder.path, filename);
}

describe('the data cache of the package', { timeout: 240_000 }, () => {
  beforeEach((context) => context.skip(unavailable !== undefined, unavailable));

  test('runs every example that needs no server, which prints what the guides say', async () => {
    const printed = new Map<string, string>();
    const waiting = names.filter((name) => isRun(name) && !isOnPostgres(name));
    const runAll = async () => {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
        const { code, text, stderr } = await run(NODE, [name], { cwd: consumer });
        expect([name, code, stderr]).toEqual([name, 0, '']);
        printed.set(name, text);
      }
    };
    await Promise.all([runAll(), runAll()]);
    expect(printed.size).toBeGreaterThan(20);
    for (const guide of GUIDES) {
      const text = readFileSync(join(ROOT, guide), 'utf8');
      expect(namesIn(text).length).toBeGreaterThan(0);
      expect(composed(text, printed)).toBe(text);
    }
  });

  test('runs its contract suite in the test runner of Node', async () => {
    const { code, text } = await run(NODE, ['--test', '--test-reporter=tap', 'store-contract.ts'], {
      cwd: consumer,
    });
    expect([code, /^# fail (\d+)$/m.exec(text)?.[1]]).toEqual([0, '0']);
    expect(Number(/^# pass (\d+)$/m.exec(text)?.[1])).toBeGreaterThan(40);
  });

  test('has types with which the examples compile in strict TypeScript', async () => {
    const compilerOptions = {
      ...{ target: 'es2024', lib: ['es2024'], module: 'nodenext', types: ['node'], strict: true, noEmit: true },
      ...{ exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, verbatimModuleSyntax: true },
      ...{ erasableSyntaxOnly: true, allowImportingTsExtensions: true, skipLibCheck: true },
      typeRoots: [join(ROOT, 'node_modules', '@types')],
    };
    const files = names.filter((name) => name.endsWith('.ts'));
    writeJson(join(consumer, 'tsconfig.json'), { compilerOptions, files });
    const { code, text } = await run(join(ROOT, 'node_modules', '.bin', 'tsc'), ['-p', '.'], { cwd: consumer });
    expect([code, text]).toEqual([0, '']);
  });

  test('has a file for everything that its package.json offers', () => {
    const { exports } = readJson(join(installed, 'package.json')) as { exports: Record<string, unknown> };
    const targets = Object.values(exports).flatMap((target) =>
      typeof target === 'string' ? [target] : Object.values(target as object),
    ) as string[];
    expect(targets.length).toBeGreaterThan(15);
    expect(targets.filter((target) => !existsSync(join(installed, target)))).toEqual([]);
  });

  test.each(['index.js', 'cache/store-tier.js', 'web/fetch.js', 'orm/drizzle/index.js'])(
    'loads nothing of Node in %s',
    (entry) => {
      expect(importsOf(join(installed, 'dist', entry)).filter((name) => name.startsWith('node:'))).toEqual([]);
    },
  );

  test('loads much of Node in the entry that is for Node', () => {
    expect(importsOf(join(installed, 'dist', 'node', 'index.js'))).toContain('node:fs');
  });

  test('does not need what is optional', () => {
    expect(bare?.stderr).toBe('');
    expect(bare?.text).toBe('1\n');
  });
});

/** Whatever a file loads at its start, itself or through the files that it loads. */
function importsOf(entry: string): string[] {
  const files = new Set([entry]);
  const others = new Set<string>();
  for (const file of files) {
    const source = readFileSync(file, 'utf8');
    for (const [, name] of source.matchAll(/^(?:import|export)\b[^;'"]*["']([^"']+)["'];?$/gm)) {
      if ((name as string).startsWith('.')) files.add(join(dirname(file), name as string));
      else others.add(name as string);
    }
  }
  return [...others];
}
