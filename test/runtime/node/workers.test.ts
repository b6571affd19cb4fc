// A gate of several processes on one port, with real processes and signals: what is acknowledged by one is in force in
// all, whoever of them dies.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  ask,
  type CrewProcess,
  childrenOf,
  connections,
  crewBefore,
  invalidate,
  isAlive,
  VersionedOrigin,
} from './crew-kit.ts';
import { readJson, stats, tempFolder, tidegate, until, writeJson } from './kit.ts';

const WITHIN = { timeout: 120_000 };

/** With and without the disk tier that the workers share. */
const DISKS: readonly [string, () => object][] = [
  ['without a disk', () => ({})],
  [
    'with a disk',
    () => {
      const { path, remove } = tempFolder();
      onTestFinished(remove);
      return { disk: { path: join(path, 'disk') } };
    },
  ],
  [
    'with a disk alone',
    () => {
      const { path, remove } = tempFolder();
      onTestFinished(remove);
      return { disk: { path: join(path, 'disk') }, memory: { maxBytes: 0 } };
    },
  ],
];

function workersOf({ program }: CrewProcess): number[] {
  return childrenOf(program.child.pid as number);
}

describe.skipIf(!existsSync('/proc/self/stat'))('a gate of two workers', () => {
  test.each(DISKS)('%s: what a tracker reports is in force in both', WITHIN, async (_name, disk) => {
    const origin = await new VersionedOrigin().start();
    origin.fields = { 'cache-tag': 'q1, tg-source:shop' };
    const gate = await crewBefore(origin, disk());
    let sequence = 0;
    let token: string | undefined;
    const report = async (tags: readonly string[] = []) => {
      const told = { source: 'shop', session: 's1', sequence: ++sequence, leaseMs: 60_000, tags };
      const body = JSON.stringify({ ...told, ...(token !== undefined && { token }) });
      const reply = await fetch(`${gate.adminUrl}/sources`, { method: 'POST', body });
      expect(reply.status).toBe(200);
      ({ token } = (await reply.json()) as { token: string });
    };
    const all = () => Promise.all(connections(12).map((agent) => ask({ url: `${gate.url}/a`, agent })));
    await all();
    const unserved = origin.gets;
    await all();
    expect(origin.gets).toBeGreaterThan(unserved);
    await report();
    await report();
    await all();
    const served = origin.gets;
    await all();
    expect(origin.gets).toBe(served);
    for (let round = 0; round < 10; round++) {
      origin.change('/a');
      await report(['q1']);
      expect(new Set(await all())).toEqual(new Set([String(origin.versionOf('/a'))]));
    }
  });

  test.each(DISKS)('%s: what is acknowledged is in force in both at once', WITHIN, async (_name, disk) => {
    const origin = await new VersionedOrigin().start();
    const gate = await crewBefore(origin, disk());
    const kept = connections(12);
    const url = `${gate.url}/a`;
    const all = () => Promise.all([...kept, ...connections(4)].map((agent) => ask({ url, agent })));
    expect(new Set(await all())).toEqual(new Set(['1']));
    for (let round = 0; round < 40; round++) {
      if (round % 2 === 0) {
        origin.change('/a');
        await invalidate(gate.adminUrl, { url });
      } else {
        await ask({ url, method: 'PUT', agent: kept[round % kept.length] });
      }
      expect(new Set(await all())).toEqual(new Set([String(origin.versionOf('/a'))]));
      // Stored by now, so that the next round finds something that is outdated.
      await all();
    }
    // Both have served: each fills for itself where nothing is shared.
    const { requests, position } = await stats(gate.adminUrl);
    expect(position).toBeGreaterThanOrEqual(40);
    expect(requests.hit).toBeGreaterThan(400);
    if (_name === 'without a disk') expect(origin.gets).toBeGreaterThan(60);
  });

  test.each(DISKS.slice(0, 2))(
    '%s: what was in use is filled again by each that held it',
    WITHIN,
    async (_name, disk) => {
      const origin = await new VersionedOrigin().start();
      const gate = await crewBefore(origin, disk());
      const agents = connections(12);
      const url = `${gate.url}/a`;
      const all = () => Promise.all(agents.map((agent) => ask({ url, agent })));
      await all();
      await all();
      origin.change('/a');
      const asked = origin.gets;
      await invalidate(gate.adminUrl, { url });
      // Where they share a disk, the second may find there what the first has brought.
      await until('fills', () => origin.gets >= asked + (_name === 'without a disk' ? 2 : 1));
      await until('what they bring', async () => (await stats(gate.adminUrl)).fillsInFlight === 0);
      expect(new Set(await all())).toEqual(new Set(['2']));
      expect(origin.gets).toBeLessThanOrEqual(asked + 2);
    },
  );

  test.each(DISKS)(
    '%s: one that is killed under load is replaced, and nothing acknowledged is lost',
    WITHIN,
    async (_name, disk) => {
      const origin = await new VersionedOrigin().start();
      const gate = await crewBefore(origin, disk());
      const paths = Array.from({ length: 5 }, (_, at) => `/p${at}`);
      const acknowledged = new Map<string, number>();
      const outdated: string[] = [];
      let running = true;
      let reads = 0;
      const read = async (at: number) => {
        while (running) {
          const path = paths[at++ % paths.length] as string;
          const least = acknowledged.get(path) ?? 1;
          const text = await ask({ url: gate.url + path }).catch(() => undefined);
          if (text === undefined) continue;
          reads++;
          if (Number(text) < least) outdated.push(`${path}: ${text}, after ${least}`);
        }
      };
      const write = async (at: number) => {
        while (running) {
          const path = paths[at++ % paths.length] as string;
          const text = await ask({ url: gate.url + path, method: 'PUT' }).catch(() => undefined);
          if (text !== undefined) acknowledged.set(path, Math.max(Number(text), acknowledged.get(path) ?? 1));
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      };
      const load = Promise.all([...Array.from({ length: 6 }, (_, at) => read(at)), write(0), write(2)]);
      for (let kill = 0; kill < 2; kill++) {
        const before = workersOf(gate);
        const served = reads;
        await until('reads', () => reads > served + 200);
        process.kill(before[kill % 2] as number, 'SIGKILL');
        await until('another worker', () => {
          const now = workersOf(gate).filter(isAlive);
          return now.length === 2 && now.some((pid) => !before.includes(pid));
        });
        const after = reads;
        await until('reads after it', () => reads > after + 200);
      }
      running = false;
      await load;
      expect(outdated).toEqual([]);
      for (const path of paths) {
        const texts = await Promise.all(connections(8).map((agent) => ask({ url: gate.url + path, agent })));
        for (const text of texts) expect(Number(text)).toBeGreaterThanOrEqual(acknowledged.get(path) ?? 1);
      }
    },
  );

  test('a write whose worker is killed in the middle is taken as carried out', WITHIN, async () => {
    const origin = await new VersionedOrigin().start();
    const { path, remove } = tempFolder();
    onTestFinished(remove);
    // What is stored on the disk outlives the workers.
    const gate = await crewBefore(origin, { disk: { path: join(path, 'disk') } });
    const url = `${gate.url}/a`;
    const readers = connections(12);
    expect(new Set(await Promise.all(readers.map((agent) => ask({ url, agent }))))).toEqual(new Set(['1']));
    const reached = Promise.withResolvers<void>();
    origin.duringWrite = () => {
      reached.resolve();
      return new Promise(() => {});
    };
    const write = ask({ url, method: 'PUT' }).catch(() => 'broken');
    await reached.promise;
    // Told before the origin was asked.
    expect((await stats(gate.adminUrl)).intentsOpen).toBe(1);
    const dying = workersOf(gate);
    for (const pid of dying) process.kill(pid, 'SIGKILL');
    expect(await write).toBe('broken');
    await until('two other workers', () => workersOf(gate).filter((pid) => !dying.includes(pid)).length === 2);
    await until('answers', () => ask({ url }).catch(() => undefined));
    const texts = await Promise.all(connections(8).map((agent) => ask({ url, agent })));
    expect(new Set(texts)).toEqual(new Set(['2']));
  });

  test('one that hangs costs an invalidation its lease, and is replaced', WITHIN, async () => {
    const origin = await new VersionedOrigin().start();
    const gate = await crewBefore(origin);
    const [hung] = workersOf(gate) as [number];
    process.kill(hung, 'SIGSTOP');
    const begun = performance.now();
    await invalidate(gate.adminUrl, { all: true });
    expect(performance.now() - begun).toBeGreaterThan(1_500);
    expect(isAlive(hung)).toBe(false);
    await until('another worker', () => workersOf(gate).length === 2);
    expect(await ask({ url: `${gate.url}/a` })).toBe('1');
  });

  test('without the primary no worker goes on', WITHIN, async () => {
    const gate = await crewBefore(await new VersionedOrigin().start());
    const workers = workersOf(gate);
    expect(workers).toHaveLength(2);
    gate.program.signal('SIGKILL');
    await until('the end of all', () => !workers.some(isAlive), 5_000);
  });

  test('ends in order on SIGTERM', WITHIN, async () => {
    const gate = await crewBefore(await new VersionedOrigin().start());
    const workers = workersOf(gate);
    gate.program.signal('SIGTERM');
    expect(await gate.program.exited).toBe(0);
    expect(workers.some(isAlive)).toBe(false);
  });

  test('reloads all of them; a configuration that is wrong changes nothing', WITHIN, async () => {
    const gate = await crewBefore(await new VersionedOrigin().start());
    const config = readJson(gate.config) as object;
    const fields = async () => {
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => fetch(`${gate.url}/a`, { headers: { connection: 'close' } })),
      );
      return new Set(answers.map(({ headers }) => headers.get('x-rule')));
    };
    writeJson(gate.config, { ...config, routes: [{ response: { set: { 'x-rule': 'new' } } }] });
    gate.program.signal('SIGHUP');
    await until('the reload', () => gate.program.err.includes('reloaded the configuration'));
    expect(await fields()).toEqual(new Set(['new']));
    writeJson(gate.config, { ...config, routs: [] });
    gate.program.signal('SIGHUP');
    await until('the refusal', () => gate.program.err.includes('not reloaded'));
    expect(await fields()).toEqual(new Set(['new']));
  });

  test('ends with an error when workers die again and again', WITHIN, async () => {
    const gate = await crewBefore(await new VersionedOrigin().start());
    while (gate.program.running) {
      for (const pid of workersOf(gate)) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(await gate.program.exited).toBe(1);
    expect(gate.program.err).toMatch(/^E_WORKER: expected workers that go on, got the end of 5 in a short time/m);
  });

  test('a second gate on its port is refused', WITHIN, async () => {
    const gate = await crewBefore(await new VersionedOrigin().start());
    const second = tidegate(['serve', gate.config, '--port', String(gate.port), '--admin-port', '0']);
    onTestFinished(() => second.stop());
    expect(await second.exited).toBe(1);
    expect(second.err).toMatch(/^E_PORT: expected to listen on .*: the port is in use/m);
  });

  test('counts as one: statistics, metrics, lists and purges', WITHIN, async () => {
    const origin = await new VersionedOrigin().start();
    const gate = await crewBefore(origin);
    // One after the other: what collapses is not asked of the origin.
    for (const agent of connections(20)) await ask({ url: `${gate.url}/a`, agent });
    await ask({ url: `${gate.url}/b` });
    const { requests, memory } = await stats(gate.adminUrl);
    expect(Object.values(requests).reduce((sum, count) => sum + count, 0)).toBe(21);
    expect(memory.maxBytes).toBe(256 * 1024 * 1024);
    const metrics = await (await fetch(`${gate.adminUrl}/metrics`)).text();
    expect(metrics).toContain(`tidegate_requests_total{outcome="hit"} ${requests.hit}\n`);
    expect(metrics).toContain(`tidegate_origin_seconds_count{origin="app"} ${origin.gets}\n`);
    const list = (await (await fetch(`${gate.adminUrl}/entries`)).json()) as { entries: { uri: string }[] };
    expect(list.entries.map(({ uri }) => uri)).toEqual([`${gate.url}/a`, `${gate.url}/b`]);
    const purged = await fetch(`${gate.adminUrl}/purge`, { method: 'POST', body: '{"all":true}' });
    expect(await purged.json()).toEqual({ position: 1, matched: 2 });
    expect((await stats(gate.adminUrl)).memory.entries).toBe(0);
  });
});
