// The process `tidegate serve` from its start to its end: what it refuses to start with, reload, and shutdown.

import { existsSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { resolveConfig } from '../../../src/node/config/config.ts';
import type { TidegateConfig } from '../../../src/node/config/config-types.ts';
import { startGate } from '../../../src/node/serve.ts';
import { exchange, get, RawClient, statusOf, valuesOf } from '../../node/front-kit.ts';
import { gateBefore, httpOrigin, rawOrigin } from './fault-kit.ts';
import {
  freePort,
  type GateProcess,
  portOf,
  type RunOptions,
  serve,
  serveWith,
  tempFolder,
  tidegate,
  until,
} from './kit.ts';

function folderWith(config: string | TidegateConfig): { readonly cwd: string; readonly file: string } {
  const { path: cwd, remove } = tempFolder();
  onTestFinished(remove);
  const file = join(cwd, 'tidegate.config.ts');
  writeConfig(file, config);
  return { cwd, file };
}

function writeConfig(file: string, config: string | TidegateConfig): void {
  writeFileSync(file, typeof config === 'string' ? config : `export default ${JSON.stringify(config)};\n`);
}

/** Runs the command, which must fail, and returns what it says. */
async function failing(args: readonly string[], options: RunOptions = {}): Promise<string> {
  const program = tidegate(args, options);
  onTestFinished(() => program.stop());
  const code = await Promise.race([program.exited, until('the end of the process', () => !program.running && 'ended')]);
  expect([code === 'ended' ? await program.exited : code, program.out]).toEqual([1, '']);
  return program.err;
}

async function started(args: readonly string[], options: RunOptions = {}): Promise<GateProcess> {
  const gate = await serve(args, options);
  onTestFinished(() => gate.program.stop());
  return gate;
}

/** A port that is taken for as long as the test runs. */
async function takenPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return portOf(server);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

const ORIGIN = 'http://127.0.0.1:9';

describe('what the gate refuses to start with', { timeout: 60_000 }, () => {
  test.each(['serve', 'check'])('%s: every problem of a configuration, with the key that is meant', async (command) => {
    const { cwd } = folderWith(`export default {
      origins: { app: { url: 'ftp://example.org', retreis: 3 } },
      routes: [{ defaultTTL: 5 }, { origin: 'ap' }],
      memry: {},
    };`);
    const message = await failing([command], { cwd });
    expect(message).toMatch(/^E_CONFIG: .*tidegate\.config\.ts has 5 problems:\n/);
    for (const near of ['retries', 'defaultTtl', 'memory', 'app']) expect(message).toContain(`"${near}"`);
    expect(message).toContain('ftp://example.org');
    expect(message).not.toContain('    at ');
  });

  test('no configuration, a missing one, one that is no module', async () => {
    const { cwd } = folderWith('export default {');
    expect(await failing(['serve'], { cwd })).toMatch(/^E_CONFIG: .*tidegate\.config\.ts cannot be loaded: /);
    expect(await failing(['serve', 'missing.ts'], { cwd })).toContain(join(cwd, 'missing.ts'));
    expect(await failing(['serve'], { cwd: join(cwd, '..') })).toContain('--origin URL');
  });

  test('a port that is in use, of either listener', async () => {
    const port = await takenPort();
    const front = await failing(['serve', '--origin', ORIGIN, '--port', `${port}`, '--admin-port', '0']);
    expect(front).toMatch(
      new RegExp(
        `^E_PORT: expected to listen on 127\\.0\\.0\\.1:${port} for clients, got EADDRINUSE: the port is in use`,
      ),
    );
    const admin = await failing(['serve', '--origin', ORIGIN, '--port', '0', '--admin-port', `${port}`]);
    expect(admin).toMatch(new RegExp(`^E_PORT: expected to listen on 127\\.0\\.0\\.1:${port} for the admin API`));
    expect(front + admin).not.toContain('    at ');
  });

  test('nothing is left open when the second listener fails', async () => {
    const [listen, admin] = [{ port: await freePort() }, { port: await takenPort() }];
    const config = resolveConfig({ listen, admin, origins: { app: { url: ORIGIN } }, log: { level: 'silent' } });
    await expect(startGate(config)).rejects.toMatchObject({ code: 'E_PORT' });
    expect(await accepts(listen.port)).toBe(false);
  });

  test('an admin listener for other machines without a token', async () => {
    const { cwd } = folderWith({ admin: { host: '0.0.0.0' }, origins: { app: { url: ORIGIN } } });
    const message = await failing(['serve', '--port', '0', '--admin-port', '0'], { cwd });
    expect(message).toMatch(/^E_ADMIN_TOKEN: admin\.host: expected a token/);
    const env = { TIDEGATE_ADMIN_TOKEN: 'a-token-long-enough-to-be-one' };
    const gate = await started([], { cwd, env });
    const { port } = new URL(gate.adminUrl);
    expect((await fetch(`http://127.0.0.1:${port}/stats`)).status).toBe(401);
    const headers = { authorization: `Bearer ${env.TIDEGATE_ADMIN_TOKEN}` };
    expect((await fetch(`http://127.0.0.1:${port}/stats`, { headers })).status).toBe(200);
  });
});

function versioned(url: string, version: string): TidegateConfig {
  return { origins: { app: { url } }, routes: [{ defaultTtl: 60_000, response: { set: { 'x-rules': version } } }] };
}

async function rulesAt(url: string): Promise<string | null> {
  const response = await fetch(url);
  await response.text();
  return response.headers.get('x-rules');
}

describe('SIGHUP', { timeout: 60_000 }, () => {
  test('a broken configuration changes nothing, and the gate says so', async () => {
    const { url } = await httpOrigin((_request, response) => response.end('ok'));
    const { cwd, file } = folderWith(versioned(url, 'one'));
    const gate = await started([], { cwd });
    for (const broken of ['export default {', 'export default { origins: {}, ruotes: [] };']) {
      writeConfig(file, broken);
      const said = gate.program.err.length;
      gate.program.signal('SIGHUP');
      await until('a message', () =>
        gate.program.err.slice(said).includes('not reloaded, the configuration stays as it was'),
      );
      expect(await rulesAt(gate.url)).toBe('one');
    }
    expect(gate.program.err).toContain('"routes"');
    expect(gate.program.running).toBe(true);
  });

  test('a new configuration holds for new requests, also for what was stored under the old one', async () => {
    const { url } = await httpOrigin((_request, response) => response.end('ok'));
    const { cwd, file } = folderWith(versioned(url, 'one'));
    const gate = await started([], { cwd });
    expect([await rulesAt(gate.url), await rulesAt(gate.url)]).toEqual(['one', 'one']);
    writeConfig(file, versioned(url, 'two'));
    gate.program.signal('SIGHUP');
    await until('the message', () => gate.program.err.includes('reloaded the configuration'));
    expect(await rulesAt(gate.url)).toBe('two');
  });

  test('requests in flight finish under the rules and with the origin they began with', async () => {
    const held: (() => void)[] = [];
    const old = await httpOrigin((_request, response) => {
      response.write('old');
      held.push(() => response.end(' origin'));
    });
    const other = await httpOrigin((_request, response) => response.end('new origin'));
    const { cwd, file } = folderWith(versioned(old.url, 'one'));
    const gate = await started([], { cwd });
    const answers = Promise.all(Array.from({ length: 20 }, (_, at) => fetch(`${gate.url}/${at}`)));
    await until('all requests at the origin', () => held.length === 20);
    writeConfig(file, versioned(other.url, 'two'));
    gate.program.signal('SIGHUP');
    await until('the message', () => gate.program.err.includes('reloaded the configuration'));
    const next = await fetch(`${gate.url}/next`);
    expect([await next.text(), next.headers.get('x-rules')]).toEqual(['new origin', 'two']);
    for (const release of held) release();
    for (const response of await answers) {
      expect([response.status, await response.text(), response.headers.get('x-rules')]).toEqual([
        200,
        'old origin',
        'one',
      ]);
    }
    // What began before the reload is not kept for those after it.
    expect(await (await fetch(`${gate.url}/0`)).text()).toBe('new origin');
  });

  test('no request is dropped under traffic', async () => {
    const { url } = await httpOrigin((_request, response) => setImmediate(() => response.end('ok')));
    const { cwd, file } = folderWith(versioned(url, '0'));
    const gate = await started([], { cwd });
    let going = true;
    const answers = new Set<string>();
    const client = async (name: number) => {
      for (let at = 0; going; at++) {
        const response = await fetch(`${gate.url}/${name}/${at % 7}`);
        answers.add(`${response.status} ${await response.text()}`);
      }
      return 'done';
    };
    const clients = Promise.all(Array.from({ length: 8 }, (_, name) => client(name)));
    for (let version = 1; version <= 5; version++) {
      writeConfig(file, versioned(url, `${version}`));
      gate.program.signal('SIGHUP');
      await until(`reload ${version}`, async () => (await rulesAt(`${gate.url}/rules`)) === `${version}`);
    }
    going = false;
    expect(await clients).toEqual(Array(8).fill('done'));
    expect([...answers]).toEqual(['200 ok']);
  });
});

describe('SIGTERM', { timeout: 60_000 }, () => {
  test('running exchanges are finished, nothing new is taken, and the process ends well', async () => {
    const release: (() => void)[] = [];
    const origin = await rawOrigin((socket, request) => {
      const head = 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n';
      if (request.startsWith('GET /body')) {
        socket.write(`${head}first`);
        release.push(() => void socket.write('-last'));
      } else {
        release.push(() => void socket.write(`${head}whole-body`));
      }
    });
    const gate = await started(['--origin', origin.url]);
    const idle = new RawClient(gate.port);
    const body = new RawClient(gate.port).send(get('/body'));
    const head = new RawClient(gate.port).send('GET /head HTTP/1.1\r\nHost: a\r\n\r\n');
    await body.until((received) => received.endsWith('first'));
    await until('both requests at the origin', () => release.length === 2);
    gate.program.signal('SIGTERM');
    await until('no new connections', async () => !(await accepts(gate.port)));
    await idle.untilClosed();
    expect(gate.program.running).toBe(true);
    for (const go of release) go();
    expect((await body.untilClosed()).endsWith('first-last')).toBe(true);
    const late = await head.untilClosed();
    expect([statusOf(late), late.endsWith('whole-body'), valuesOf(late, 'connection')]).toEqual([200, true, ['close']]);
    expect(await gate.program.exited).toBe(0);
  });

  test('a second signal ends it at once', async () => {
    const origin = await rawOrigin(() => {});
    const gate = await started(['--origin', origin.url]);
    const client = new RawClient(gate.port).send(get('/'));
    await until('the request at the origin', () => origin.requests.length === 1);
    gate.program.signal('SIGTERM');
    await until('no new connections', async () => !(await accepts(gate.port)));
    gate.program.signal('SIGTERM');
    expect(await gate.program.exited).toBe(1);
    await client.untilClosed();
  });

  test('the demo tells what a write invalidated, and ends as well, with its file', { timeout: 30_000 }, async () => {
    const gate = await serveWith(tidegate(['serve', '--demo', '--port', '0', '--admin-port', '0']));
    onTestFinished(() => gate.program.stop());
    const urls = ['/v1/users/7', '/v1/users/8', '/v1/users/7', '/v1/users/8'];
    const ask = async (url: string, init?: RequestInit) => (await fetch(gate.url + url, init)).text();
    for (const url of urls) expect(await ask(url)).toContain('firstName');
    await ask('/v1/users/7', { method: 'PUT', body: '{"firstName":"Nova"}' });
    const told = 'PUT /v1/users/7 -> invalidated /v1/users/7 | left /v1/users/8\n';
    await until('the URLs', () => gate.program.out.includes(told));
    const file = /^database: (.*)$/m.exec(gate.program.out)?.[1] as string;
    expect(existsSync(file)).toBe(true);
    gate.program.signal('SIGINT');
    expect(await gate.program.exited).toBe(0);
    expect(existsSync(file)).toBe(false);
  });
});

describe('behind a proxy that ends TLS', () => {
  test('a URL is invalidated and explained by its https name, as its route has it', { timeout: 30_000 }, async () => {
    const { url } = await httpOrigin((_request, response) => {
      response.writeHead(200, { 'cache-control': 'max-age=3600' }).end('ok');
    });
    const gate = await gateBefore(url, {
      trustedProxies: { from: ['127.0.0.1'], scheme: true },
      routes: [{ name: 'site', match: { host: 'site.example' }, query: { drop: ['utm_source'] } }],
    });
    const ask =
      'GET /p?utm_source=1 HTTP/1.1\r\nHost: site.example\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n';
    await exchange(gate.port, ask);
    const named = { url: 'https://site.example/p?utm_source=9' };
    const admin = (path: string, init?: RequestInit) =>
      fetch(`${gate.adminUrl}${path}`, init).then((got) => got.json());
    expect(await admin('/invalidate', { method: 'POST', body: JSON.stringify(named) })).toMatchObject({ matched: 1 });
    expect(await admin(`/explain?url=${encodeURIComponent(named.url)}`)).toMatchObject({ verdict: 'validate' });
  });
});
