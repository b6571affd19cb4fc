// The gate in front of a real package registry (verdaccio without uplinks), with npm as its client: publish, install
// twice, publish again.
//
// Verdaccio states no freshness, and answers one URL in two forms by Accept without saying so in
// Vary. The routes here say both in its place, as an operator's would have to.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { TidegateConfig } from '../../../src/node/config/config-types.ts';
import {
  forwardsIn,
  freePort,
  type GateProcess,
  installServers,
  NODE,
  Program,
  type Ran,
  runWell,
  serve,
  serversFile,
  stats,
  tempFolder,
  until,
  writeJson,
} from './kit.ts';

const folder = tempFolder();
const HOUR_MS = 3_600_000;

let unavailable: string | undefined;
let registry: Program | undefined;
let registryUrl = '';
let gate: GateProcess;
let folders = 0;

beforeAll(async () => {
  unavailable = await installServers();
  if (unavailable !== undefined) return;
  registryUrl = await startRegistry();
  const config: TidegateConfig = {
    origins: { registry: { url: registryUrl } },
    routes: [
      // A tarball never changes: a version is published once.
      { name: 'tarballs', match: { path: '/*/-/*.tgz' }, ttl: HOUR_MS },
      { name: 'calls', match: { path: '/-/*' }, bypass: [{}] },
      { name: 'packuments', defaultTtl: HOUR_MS, response: { set: { vary: 'Accept, Accept-Encoding' } } },
    ],
  };
  writeJson(join(folder.path, 'tidegate.config.json'), config);
  gate = await serve([], { cwd: folder.path });
  await signUp();
}, 180_000);

beforeEach((context) => context.skip(unavailable !== undefined, unavailable));

afterAll(async () => {
  await gate?.program.stop();
  await registry?.stop();
  folder.remove();
});

async function startRegistry(): Promise<string> {
  const config = {
    storage: './storage',
    auth: { htpasswd: { file: './htpasswd' } },
    uplinks: {},
    packages: { '**': { access: '$all', publish: '$authenticated' } },
    log: { type: 'stdout', format: 'json', level: 'http' },
  };
  // JSON is YAML.
  writeJson(join(folder.path, 'verdaccio.yaml'), config);
  const url = `http://127.0.0.1:${await freePort()}`;
  const bin = serversFile('node_modules/verdaccio/bin/verdaccio');
  const args = [bin, '--config', join(folder.path, 'verdaccio.yaml'), '--listen', url];
  const program = new Program(NODE, args, { cwd: folder.path });
  registry = program;
  await until('verdaccio to answer', () => {
    if (!program.running) throw new Error(`expected a running registry, got its end\n${program.out}${program.err}`);
    return fetch(`${url}/-/ping`).then(
      ({ ok }) => ok,
      () => false,
    );
  });
  return url;
}

/** Makes a user through the gate, and leaves npm its token. */
async function signUp(): Promise<void> {
  const response = await fetch(`${gate.url}/-/user/org.couchdb.user:harbourmaster`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'harbourmaster', password: 'ebb-and-flow' }),
  });
  const { token } = (await response.json()) as { token: string };
  writeFileSync(join(folder.path, 'npmrc'), `//127.0.0.1:${gate.port}/:_authToken=${token}\n`);
}

function newFolder(): string {
  const path = join(folder.path, `folder-${++folders}`);
  mkdirSync(path);
  return path;
}

/** npm as on a machine that has never run it, but for what `signedIn` says. */
function npm(args: readonly string[], { cwd = newFolder(), signedIn = false } = {}): Promise<Ran> {
  return runWell('npm', [...args, '--registry', `${gate.url}/`], {
    cwd,
    env: {
      npm_config_userconfig: signedIn ? join(folder.path, 'npmrc') : '/dev/null',
      npm_config_cache: newFolder(),
      npm_config_audit: 'false',
      npm_config_fund: 'false',
      npm_config_update_notifier: 'false',
      NO_PROXY: '127.0.0.1',
    },
  });
}

interface Published {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

async function publish({ name, version, dependencies = {} }: Published): Promise<void> {
  const cwd = newFolder();
  writeJson(join(cwd, 'package.json'), { name, version, main: 'index.js', dependencies });
  writeFileSync(join(cwd, 'index.js'), contentOf(name, version));
  await npm(['publish', '--access', 'public'], { cwd, signedIn: true });
}

/** Enough that the tarball comes in several pieces. */
function contentOf(name: string, version: string): string {
  const lines = Array.from({ length: 5_000 }, (_, at) => `// ${name} ${version} ${at} ${(at * 2_654_435_761) >>> 7}`);
  return `${lines.join('\n')}\nmodule.exports = '${name}@${version}';\n`;
}

interface Installed {
  readonly cwd: string;
  /** Requests that went on to the registry. */
  readonly forwards: number;
  readonly hits: number;
}

async function install(...names: readonly string[]): Promise<Installed> {
  const cwd = newFolder();
  writeJson(join(cwd, 'package.json'), { name: 'consumer', version: '0.0.0', private: true });
  const before = await stats(gate.adminUrl);
  await npm(['install', ...names], { cwd });
  const after = await stats(gate.adminUrl);
  return { cwd, forwards: forwardsIn(after) - forwardsIn(before), hits: after.requests.hit - before.requests.hit };
}

function installedFile(cwd: string, name: string): string {
  return readFileSync(join(cwd, 'node_modules', name, 'index.js'), 'utf8');
}

describe('a package registry behind the gate', { timeout: 90_000 }, () => {
  test('packages are published through the gate', async () => {
    await publish({ name: 'tide-table', version: '1.0.0' });
    await publish({ name: '@harbour/gauge', version: '1.0.0', dependencies: { 'tide-table': '^1.0.0' } });
    await publish({
      name: 'sea-wall',
      version: '1.0.0',
      dependencies: { '@harbour/gauge': '1.x', 'tide-table': '1.x' },
    });
    const direct = (await (await fetch(`${registryUrl}/sea-wall`)).json()) as { versions: object };
    expect(Object.keys(direct.versions)).toEqual(['1.0.0']);
  });

  test('a second install in a clean folder comes from the cache, with the same files', async () => {
    const first = await install('sea-wall');
    const second = await install('sea-wall');
    for (const { cwd } of [first, second]) {
      for (const name of ['sea-wall', '@harbour/gauge', 'tide-table']) {
        expect(installedFile(cwd, name)).toBe(contentOf(name, '1.0.0'));
      }
    }
    const lock = (cwd: string) => readFileSync(join(cwd, 'package-lock.json'), 'utf8');
    expect(lock(second.cwd)).toBe(lock(first.cwd));
    expect(lock(first.cwd)).toContain('"integrity": "sha512-');
    // Three packuments and three tarballs.
    expect(first.forwards).toBeGreaterThanOrEqual(6);
    expect(second).toMatchObject({ forwards: 0, hits: 6 });
  });

  test('both forms of a packument are kept apart', async () => {
    const forms = ['application/json', 'application/vnd.npm.install-v1+json'];
    const get = async (accept: string) => {
      const response = await fetch(`${gate.url}/sea-wall`, { headers: { accept } });
      expect(response.headers.get('content-type')).toContain(accept);
      return { status: response.headers.get('cache-status'), text: await response.text() };
    };
    const first = await Promise.all(forms.map(get));
    const second = await Promise.all(forms.map(get));
    expect(second.map(({ text }) => text)).toEqual(first.map(({ text }) => text));
    expect(first[0]?.text).not.toBe(first[1]?.text);
    for (const { status } of second) expect(status).toMatch(/^tidegate; hit; ttl=/);
  });

  test('a version published through the gate is there for the next view and install', async () => {
    expect((await npm(['view', 'tide-table', 'version'])).text.trim()).toBe('1.0.0');
    await publish({ name: 'tide-table', version: '1.1.0' });
    expect((await npm(['view', 'tide-table', 'version'])).text.trim()).toBe('1.1.0');
    const { cwd, forwards } = await install('sea-wall');
    expect(installedFile(cwd, 'tide-table')).toBe(contentOf('tide-table', '1.1.0'));
    expect(installedFile(cwd, 'sea-wall')).toBe(contentOf('sea-wall', '1.0.0'));
    // The new tarball, and the packument if npm asks for another form than before; the rest is still in the cache.
    expect(forwards).toBeGreaterThanOrEqual(1);
    expect(forwards).toBeLessThanOrEqual(2);
  });

  test('a scoped package is invalidated by its publication too, encoded slash and all', async () => {
    expect((await npm(['view', '@harbour/gauge', 'version'])).text.trim()).toBe('1.0.0');
    await publish({ name: '@harbour/gauge', version: '1.2.0' });
    expect((await npm(['view', '@harbour/gauge', 'version'])).text.trim()).toBe('1.2.0');
    const { cwd } = await install('@harbour/gauge');
    expect(installedFile(cwd, '@harbour/gauge')).toBe(contentOf('@harbour/gauge', '1.2.0'));
  });

  test('the gate has no fill and no write left open', async () => {
    const { fillsInFlight, intentsOpen, requests } = await stats(gate.adminUrl);
    expect({ fillsInFlight, intentsOpen, errors: requests.error }).toEqual({
      fillsInFlight: 0,
      intentsOpen: 0,
      errors: 0,
    });
  });
});
