// Gates in a cluster, over a real Redis: what one invalidates is outdated in the others when it is acknowledged; without the engine they
// serve nothing stored, and what was stored outlives a restart where the log does.

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'redis';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { ClusterState } from '../../src/admin/cluster-api.ts';
import { createCache } from '../../src/index.ts';
import { resolveConfig } from '../../src/node/config/config.ts';
import type { TidegateConfig } from '../../src/node/config/config-types.ts';
import { CLUSTER } from '../../src/node/operator/cli/cluster-commands.ts';
import { openRedisLog } from '../../src/node/redis-log.ts';
import type { RunningGate } from '../../src/node/running-gate.ts';
import { startGate } from '../../src/node/serve.ts';
import { ask } from '../drill/client.ts';
import { NO_REDIS, Redis, START_MS } from '../kit/redis.ts';
import { runCommand } from '../kit/run-command.ts';

let redis: Redis | undefined;
let names = 0;
let asked = 0;
let version = 0;

const origin = createServer((request, response) => {
  asked++;
  if (request.method === 'POST') version++;
  response.writeHead(200, { 'cache-control': 'max-age=60', 'cache-tag': 'page' }).end(`v${version}`);
});

beforeAll(async () => {
  redis = await Redis.start();
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
}, START_MS);
beforeEach((context) => context.skip(redis === undefined, NO_REDIS));
afterAll(async () => {
  origin.close();
  await redis?.end();
});

const LEASE_MS = 1_500;
const newName = () => `gates-${++names}`;

function configOf(name: string, more: Partial<TidegateConfig> & { readonly onLoss?: 'refuse' } = {}) {
  const { onLoss, ...rest } = more;
  return resolveConfig({
    origins: { app: { url: `http://127.0.0.1:${(origin.address() as AddressInfo).port}` } },
    ...{ listen: { port: 0 }, admin: { port: 0 }, log: { level: 'silent' } },
    cluster: { url: redis?.url, name, lease: LEASE_MS, ...(onLoss && { onLoss }) },
    ...rest,
  });
}

async function start(...given: Parameters<typeof configOf>): Promise<RunningGate> {
  const gate = await startGate(configOf(...given));
  onTestFinished(() => gate.close({ grace: 0 }));
  return gate;
}

async function read({ url }: RunningGate) {
  const reply = await ask({ url: `${url}/a`, timeoutMs: 5_000, host: 'shop.example' });
  return { status: reply?.status, text: reply?.text, how: reply?.field('cache-status') ?? '' };
}

async function write({ url }: RunningGate) {
  return (await ask({ url: `${url}/a`, timeoutMs: 8_000, host: 'shop.example', body: 'x' }))?.status;
}

async function stored(...gates: readonly RunningGate[]): Promise<void> {
  for (const gate of gates) {
    const again = async () => {
      await read(gate);
      return (await read(gate)).how;
    };
    await expect.poll(again, { timeout: 8_000 }).toContain('; hit');
  }
}

describe('two gates', { timeout: 30_000 }, () => {
  test('hear of a write, and of an invalidation', async () => {
    const name = newName();
    const [one, other] = [await start(name), await start(name)];
    await stored(one, other);
    expect(await write(one)).toBe(200);
    expect(await read(other)).toMatchObject({ text: `v${version}`, how: expect.stringContaining('detail=outdated') });
    await stored(one, other);
    await other.gate.invalidate({ kind: 'tag', tag: 'page' });
    expect((await read(one)).how).toContain('detail=outdated');
  });

  test('hear of what a data cache invalidates, by the tags that both have', async () => {
    const name = newName();
    const gate = await start(name);
    const client = createClient({ url: redis?.url as string });
    await client.connect();
    onTestFinished(() => client.destroy());
    const log = await openRedisLog({ client, name, lease: LEASE_MS });
    onTestFinished(() => log.close());
    await stored(gate);
    await createCache({ log }).invalidate({ tags: ['page'] });
    expect((await read(gate)).how).toContain('detail=outdated');
  });

  test('keep what they have on disk over a restart, but for what was invalidated meanwhile', async () => {
    const name = newName();
    const path = mkdtempSync(join(tmpdir(), 'tidegate-'));
    onTestFinished(() => rmSync(path, { recursive: true }));
    const config = configOf(name, { disk: { path }, memory: { maxBytes: 0 } });
    const other = await start(name);
    const life = async (use: (gate: RunningGate) => Promise<void>) => {
      const gate = await startGate(config);
      await use(gate).finally(() => gate.close({ grace: 0 }));
    };
    await life((gate) => stored(gate));
    await life(async (gate) => expect((await read(gate)).how).toContain('; hit'));
    expect(await write(other)).toBe(200);
    await life(async (gate) => {
      expect(await read(gate)).toMatchObject({ text: `v${version}`, how: expect.stringContaining('detail=outdated') });
    });
  });
});

describe('a disk whose rules have changed', { timeout: 30_000 }, () => {
  const path = () => {
    const made = mkdtempSync(join(tmpdir(), 'tidegate-'));
    onTestFinished(() => rmSync(made, { recursive: true }));
    return made;
  };
  const life = async (config: ReturnType<typeof configOf>, use: (gate: RunningGate) => Promise<void>) => {
    const gate = await startGate(config);
    await use(gate).finally(() => gate.close({ grace: 0 }));
  };

  test.each([[false], [true]])('serves nothing of the old ones, engine away at the start: %s', async (isAway) => {
    const name = newName();
    const disk = { path: path() };
    await life(configOf(name, { disk }), (gate) => stored(gate));
    if (isAway) redis?.signal('SIGSTOP');
    onTestFinished(() => redis?.signal('SIGCONT'));
    await life(configOf(name, { disk, routes: [{ defaultTtl: '1h' }] }), async (gate) => {
      redis?.signal('SIGCONT');
      // One hit, and it would be a hit for ever.
      await expect.poll(async () => (await read(gate)).how, { timeout: 8_000 }).toContain('detail=outdated');
    });
  });

  test('that is new outdates nothing of the others', async () => {
    const name = newName();
    const other = await start(name);
    await stored(other);
    await other.gate.invalidate({ kind: 'tag', tag: 'any' });
    await life(configOf(name, { disk: { path: path() } }), async () => {});
    expect((await read(other)).how).toContain('; hit');
  });
});

describe('an engine that stands still', { timeout: 30_000 }, () => {
  function stop(): void {
    redis?.signal('SIGSTOP');
    onTestFinished(() => redis?.signal('SIGCONT'));
  }

  test('reads pass by the cache, writes are not sent, and all goes on when it does', async () => {
    const gate = await start(newName());
    await stored(gate);
    stop();
    await expect.poll(async () => (await read(gate)).how, { timeout: 8_000 }).toContain('detail=no-lease');
    const explained = await fetch(`${gate.adminUrl}/explain?url=http://shop.example/a`);
    expect(await explained.json()).toMatchObject({ reason: expect.stringContaining('The log of the cluster') });
    const before = asked;
    expect(await write(gate)).toBe(503);
    expect(asked).toBe(before);
    redis?.signal('SIGCONT');
    await expect.poll(async () => (await read(gate)).how, { timeout: 10_000 }).toContain('; hit');
    expect(await write(gate)).toBe(200);
  });

  test('reads are refused where the configuration says so', async () => {
    const gate = await start(newName(), { onLoss: 'refuse' });
    await stored(gate);
    stop();
    await expect.poll(async () => (await read(gate)).status, { timeout: 8_000 }).toBe(503);
    expect((await read(gate)).text).toContain('a gate that hears of what the others of its cluster invalidate');
  });

  test('a gate starts without it, and joins it later', async () => {
    stop();
    const gate = await start(newName());
    expect((await read(gate)).how).toContain('detail=no-lease');
    redis?.signal('SIGCONT');
    await expect
      .poll(
        async () => {
          await read(gate);
          return (await read(gate)).how;
        },
        { timeout: 10_000 },
      )
      .toContain('; hit');
  });
});

describe('operators are told', { timeout: 30_000 }, () => {
  const asked = (gate: RunningGate, ...args: readonly string[]) =>
    runCommand([CLUSTER], ['cluster', ...args, '--admin', gate.adminUrl]);

  test('where a gate stands, who else is there, and what is invalidated', async () => {
    const name = newName();
    const config = configOf(name);
    const nodes = ['fra-1', 'iad-1'];
    const gates: RunningGate[] = [];
    for (const node of nodes) {
      const gate = await startGate({ ...config, cluster: config.cluster && { ...config.cluster, node } });
      onTestFinished(() => gate.close({ grace: 0 }));
      gates.push(gate);
    }
    const [one, other] = gates as [RunningGate, RunningGate];
    await one.gate.invalidate({ kind: 'tag', tag: 'page' });
    const state = (await (await fetch(`${one.adminUrl}/v1/cluster`)).json()) as ClusterState;
    expect(state).toMatchObject({ inCluster: true, name, node: 'fra-1', isLeased: true, number: 1, flushes: 0 });
    expect(state.engine).toMatchObject({ number: 1, intents: 0, isDurable: false });
    expect(state.members.map(({ node }) => node)).toEqual(nodes);
    expect(state.acknowledgedMs?.p99).toBeGreaterThan(0);
    const status = await asked(one, 'status');
    expect(status).toMatchObject({ code: 0, out: expect.stringMatching(/^node +fra-1$/m) });
    expect((await asked(other, 'members')).out).toMatch(/^fra-1 +0 +\d+ ms ago$/m);
    expect((await asked(other, 'log', '--follow', '--count', '1')).out).toMatch(/^1 {2}\S+ {2}tag {2}page$/m);
    const metrics = await (await fetch(`${other.adminUrl}/metrics`)).text();
    expect(metrics).toContain('tidegate_cluster_leased 1');
    redis?.signal('SIGSTOP');
    onTestFinished(() => redis?.signal('SIGCONT'));
    await expect.poll(() => asked(one, 'status'), { timeout: 10_000 }).toMatchObject({ code: 1 });
  });

  test('of a gate that is in no cluster', async () => {
    const gate = await startGate({ ...configOf(newName()), cluster: undefined });
    onTestFinished(() => gate.close({ grace: 0 }));
    expect(await (await fetch(`${gate.adminUrl}/v1/cluster`)).json()).toEqual({ inCluster: false });
    for (const command of ['status', 'members'])
      expect((await asked(gate, command)).out).toBe('this gate is in no cluster (docs/several-machines.md)');
  });
});

describe('what is wrong is told at the start', () => {
  async function command(...args: readonly string[]): Promise<void> {
    const client = createClient({ url: redis?.url as string });
    await client.connect();
    await client.sendCommand([...args]).finally(() => client.destroy());
  }

  test('an engine that evicts', async () => {
    await command('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru');
    onTestFinished(() => command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction'));
    await expect(startGate(configOf(newName()))).rejects.toThrow('set maxmemory-policy noeviction');
  });

  test('a wrong password, which is not shown', async () => {
    await command('ACL', 'SETUSER', 'gate', 'on', '>right', '~*', '&*', '+@all');
    const url = redis?.url.replace('//', '//gate:CANARY@') as string;
    const config = { ...configOf(newName()), cluster: { name: 'a', url, leaseMs: LEASE_MS, onLoss: 'pass' } as const };
    const failed = await startGate(config).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 'E_CONFIG', message: expect.stringContaining('WRONGPASS') });
    expect(String((failed as Error).stack)).not.toContain('CANARY');
  });

  test('another lease than that of the others', async () => {
    const name = newName();
    await start(name);
    const config = configOf(name);
    const cluster = config.cluster && { ...config.cluster, leaseMs: 5_000 };
    await expect(startGate({ ...config, cluster })).rejects.toThrow(
      `the lease of the others of the log ${name}, ${LEASE_MS} ms`,
    );
  });

  test.each([
    [{ url: 'http://127.0.0.1' }, 'cluster.url: expected a URL such as "redis://host:6379"'],
    [{ url: 'redis://a', name: '{a}' }, 'cluster.name: expected a name (1 to 100 letters'],
    [{ url: 'redis://a', lease: '10ms' }, 'cluster.lease'],
    [{ url: 'redis://a', onLoss: 'stop' }, 'cluster.onLoss: expected one of "pass", "refuse"'],
    [{ url: 'redis://a', urlFile: 'b' }, 'cluster: expected url or urlFile, got both'],
    [{}, 'cluster: expected url, urlFile or TIDEGATE_CLUSTER_URL, got none'],
  ])('%j', (cluster, text) => {
    const raw = { origins: { app: { url: 'http://127.0.0.1:1' } }, cluster };
    expect(() => resolveConfig(raw, { env: {} })).toThrow(text);
  });

  test('the URL may stand in the environment', () => {
    const raw = { origins: { app: { url: 'http://127.0.0.1:1' } }, cluster: {} };
    const { cluster } = resolveConfig(raw, { env: { TIDEGATE_CLUSTER_URL: 'redis://h:1' } });
    expect(cluster).toEqual({ url: 'redis://h:1', name: 'default', leaseMs: 2_000, onLoss: 'pass' });
  });
});
