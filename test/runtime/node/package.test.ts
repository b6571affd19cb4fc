// The package as users get it: packed, installed in a clean folder, run, imported, and compiled against.
//
// The install asks the npm registry for the dependencies; without it there is nothing to test but
// the tarball itself.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { httpOrigin } from './fault-kit.ts';
import {
  type GateProcess,
  NODE,
  Program,
  ROOT,
  readJson,
  run,
  runWell,
  serveWith,
  tempFolder,
  unreachableIn,
  writeJson,
} from './kit.ts';

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

const folder = tempFolder();
const consumer = join(folder.path, 'consumer');
const typescript5 = join(folder.path, 'typescript5', 'node_modules', 'typescript');
const TIDEGATE = join(consumer, 'node_modules', '.bin', 'tidegate');

let packed: Packed;
let unavailable: string | undefined;

beforeAll(async () => {
  const { text } = await runWell('npm', ['pack', '--json', '--loglevel', 'error', '--pack-destination', folder.path], {
    cwd: ROOT,
    withinMs: 120_000,
  });
  packed = packedIn(text);
  mkdirSync(consumer);
  writeJson(join(consumer, 'package.json'), { name: 'consumer', private: true, type: 'module' });
  const tarball = join(folder.path, packed.filename);
  await install(consumer, tarball);
  if (unavailable === undefined) await install(join(folder.path, 'typescript5'), 'typescript@~5.9.3');
}, 380_000);

async function install(prefix: string, what: string): Promise<void> {
  mkdirSync(prefix, { recursive: true });
  const args = ['install', '--no-audit', '--no-fund', '--loglevel', 'error', '--prefix', prefix, what];
  const { code, stderr } = await run('npm', args, { cwd: prefix, withinMs: 120_000 });
  if (code !== 0) unavailable ??= unreachableIn(stderr);
  if (code !== 0 && unavailable === undefined) throw new Error(`expected ${what} to be installed, got ${stderr}`);
}

afterAll(() => folder.remove());

/** What npm prints after the output of the build: a list, or since npm 12 a table by name. */
function packedIn(text: string): Packed {
  const printed = JSON.parse(text.slice(text.search(/^[[{]/m))) as readonly Packed[] | Record<string, Packed>;
  return Object.values(printed)[0] as Packed;
}

describe('the tarball', () => {
  test('holds what is needed and nothing else', () => {
    const paths = packed.files.map(({ path }) => path);
    const others = paths.filter((path) => !/^(?:dist|templates|docs|deploy)\//.test(path));
    const texts = ['CHANGELOG.md', 'CONTRIBUTING.md', 'LICENSE', 'README.md', 'SECURITY.md'];
    expect(others.sort()).toEqual([...texts, 'package.json']);
    const entries = ['index.js', 'index.d.ts', 'semantics/index.d.ts', 'node/bin.js', 'dashboard/app.js'];
    for (const entry of entries) expect(paths).toContain(`dist/${entry}`);
    expect(paths).toContain('templates/workers/wrangler.jsonc');
    const own = paths.filter((path) => !path.startsWith('templates/'));
    expect(own.filter((path) => /\.test\.|(?<!\.d)\.ts$/.test(path))).toEqual([]);
  });

  test('holds the files that its texts point to, but for examples', () => {
    const paths = new Set(packed.files.map(({ path }) => path));
    const texts = [...paths].filter((path) => path.endsWith('.md') && !path.startsWith('templates/'));
    const links = texts.flatMap((text) => {
      const found = readFileSync(join(ROOT, text), 'utf8').matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g);
      return Array.from(found, ([, to]) => posix.join(posix.dirname(text), to as string));
    });
    expect(links.length).toBeGreaterThan(50);
    expect(links.filter((to) => !paths.has(to) && !to.startsWith('examples/'))).toEqual([]);
  });

  test('resolves for modules and bundlers, with types that fit: publint and attw find nothing', async () => {
    const data = readFileSync(join(folder.path, packed.filename));
    const tarball = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
    expect((await publint({ pack: { tarball }, strict: true })).messages).toEqual([]);
    const checked = await checkPackage(createPackageFromTarballData(new Uint8Array(data)));
    if (checked.types === false) throw new Error('expected a package with types, got one without');
    expect(Object.keys(checked.entrypoints)).toContain('./drizzle');
    const found = checked.problems.filter((problem) => !isOfOtherModules(problem));
    expect(found).toEqual([]);
  });
});

/** The package is for modules: neither Node before `exports` nor `require` without modules resolves it. */
function isOfOtherModules(problem: object): boolean {
  return 'resolutionKind' in problem && ['node10', 'node16-cjs'].includes(String(problem.resolutionKind));
}

/** `npx tidegate serve` in a clean folder, with these arguments. */
async function serveInstalled(args: readonly string[], cwd = consumer): Promise<GateProcess> {
  const gate = await serveWith(new Program(TIDEGATE, ['serve', '--port', '0', '--admin-port', '0', ...args], { cwd }));
  onTestFinished(() => gate.program.stop());
  return gate;
}

describe('the package, installed in a clean folder', { timeout: 60_000 }, () => {
  beforeEach((context) => context.skip(unavailable !== undefined, unavailable));

  test('its command says its version', async () => {
    const { version } = readJson(join(ROOT, 'package.json')) as { version: string };
    const { text } = await runWell('npx', ['tidegate', '--version'], { cwd: consumer });
    expect(text.trim()).toBe(version);
  });

  test('it brings its dependencies and nothing of its development', () => {
    expect(existsSync(join(consumer, 'node_modules', 'undici'))).toBe(true);
    for (const name of ['vitest', 'typescript', 'node']) {
      expect(existsSync(join(consumer, 'node_modules', name))).toBe(false);
    }
  });

  test('it serves in front of an origin', async () => {
    const { url } = await httpOrigin((_request, response) => {
      response.setHeader('cache-control', 'max-age=60').end('ok');
    });
    const gate = await serveInstalled(['--origin', url]);
    expect(await (await fetch(gate.url)).text()).toBe('ok');
    const second = await fetch(gate.url);
    expect([await second.text(), second.headers.get('cache-status')]).toEqual([
      'ok',
      expect.stringMatching(/^tidegate; hit/),
    ]);
    gate.program.signal('SIGTERM');
    expect(await gate.program.exited).toBe(0);
  });

  test('it serves its demo', async () => {
    const gate = await serveInstalled(['--demo']);
    expect((await fetch(`${gate.url}/`)).status).toBeLessThan(500);
  });

  test('a configuration in TypeScript imports it', async () => {
    const { url } = await httpOrigin((_request, response) => response.end('ok'));
    const config = `import { defineConfig, type TidegateConfig } from 'tidegate';
      const config: TidegateConfig = { origins: { app: { url: '${url}' } }, routes: [{ defaultTtl: 60_000 }] };
      export default defineConfig(config);\n`;
    writeFileSync(join(consumer, 'tidegate.config.ts'), config);
    const { text } = await runWell(TIDEGATE, ['check'], { cwd: consumer });
    expect(text).toContain('The configuration is right.');
    const gate = await serveInstalled([]);
    await (await fetch(gate.url)).text();
    expect((await fetch(gate.url)).headers.get('cache-status')).toMatch(/^tidegate; hit/);
  });

  test('its entries can be imported, and the semantics without the rest', async () => {
    const program = `import { TidegateError, defineConfig, ERROR_CODES } from 'tidegate';
      import { decideReuse, parseCacheControl } from 'tidegate/semantics';
      import * as node from 'tidegate/node';
      import manifest from 'tidegate/package.json' with { type: 'json' };
      const all = [TidegateError, defineConfig, decideReuse, parseCacheControl, node.startGate];
      process.stdout.write(JSON.stringify([all.every((one) => typeof one === 'function'), manifest.name]));\n`;
    writeFileSync(join(consumer, 'program.mjs'), program);
    const { text } = await runWell(NODE, ['program.mjs'], { cwd: consumer });
    expect(JSON.parse(text)).toEqual([true, 'tidegate']);
    const inner = await run(NODE, ['--input-type=module', '-e', "await import('tidegate/engine/gate.js')"], {
      cwd: consumer,
    });
    expect(inner.stderr).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });

  test('a consumer in strict TypeScript compiles against it, with no types of Node for the entries without a platform', async () => {
    const source = `import { defineConfig, type Selector, TidegateError } from 'tidegate';
      import { type CacheControl, parseCacheControl } from 'tidegate/semantics';
      export const config = defineConfig({ origins: { app: { url: 'http://127.0.0.1:1' } } });
      export const selector: Selector = { kind: 'tag', tag: 'a' };
      export const parsed: CacheControl = parseCacheControl('max-age=1');
      export const code: string = new TidegateError('E_CONFIG', 'x').code;
      // @ts-expect-error an unknown key
      defineConfig({ origins: { app: { url: '' } }, ruotes: [] });\n`;
    await compile('plain', source, []);
  });

  test('a program that starts a gate compiles against it', async () => {
    const source = `import { resolveConfig, startGate } from 'tidegate/node';
      const gate = await startGate(resolveConfig({ origins: { app: { url: 'http://127.0.0.1:1' } } }));
      export const url: string = gate.url;
      await gate.close({ grace: 0 });\n`;
    await compile('starts', source, ['node']);
  });

  test('a program that uses each entry compiles against it', async () => {
    const { exports } = readJson(join(consumer, 'node_modules', 'tidegate', 'package.json')) as { exports: object };
    const entries = Object.keys(exports).filter((entry) => entry !== './package.json');
    expect(entries.length).toBeGreaterThan(8);
    const source = entries.map((entry, at) => `export * as entry${at} from 'tidegate${entry.slice(1)}';\n`).join('');
    await compile('entries', source, ['node']);
  });
});

/** Compiled by each TypeScript that users have, by either way of finding modules. */
async function compile(name: string, source: string, types: readonly string[]): Promise<void> {
  writeFileSync(join(consumer, `${name}.ts`), source);
  for (const moduleResolution of ['node16', 'bundler']) {
    const compilerOptions = {
      target: 'es2023',
      lib: ['es2023', 'esnext.disposable'],
      module: moduleResolution === 'bundler' ? 'esnext' : moduleResolution,
      moduleResolution,
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noEmit: true,
      skipLibCheck: types.length > 0,
      types,
      typeRoots: [join(ROOT, 'node_modules', '@types')],
    };
    writeJson(join(consumer, `${name}.json`), { compilerOptions, files: [`${name}.ts`] });
    for (const typescript of [join(ROOT, 'node_modules', 'typescript'), typescript5]) {
      const { code, text } = await run(NODE, [join(typescript, 'bin', 'tsc'), '-p', `${name}.json`], { cwd: consumer });
      expect([code, text]).toEqual([0, '']);
    }
  }
}
