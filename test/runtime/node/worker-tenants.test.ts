// Tenants of a gate of several processes: what an operator changes is in force in all of them.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ask, connections, crewBefore, VersionedOrigin } from './crew-kit.ts';
import { tempFolder } from './kit.ts';

const WITHIN = { timeout: 120_000 };

describe.skipIf(!existsSync('/proc/self/stat'))('a tenant of a gate of two workers', () => {
  test('is in force in both at once, as are its purge, its suspension and its end', WITHIN, async () => {
    const file = await new VersionedOrigin().start();
    const origin = await new VersionedOrigin().start();
    const { path, remove } = tempFolder();
    onTestFinished(remove);
    const gate = await crewBefore(file, { disk: { path: join(path, 'disk') } });
    const post = async (call: string, body: object = {}) => {
      const reply = await fetch(gate.adminUrl + call, { method: 'POST', body: JSON.stringify(body) });
      expect(reply.status).toBe(200);
    };
    const all = async () => {
      const asked = connections(12).map((agent) => ask({ url: `${gate.url}/a`, agent, host: 'acme.example' }));
      return new Set(await Promise.all(asked.map((one) => one.catch(({ message }: Error) => message.slice(0, 21)))));
    };
    await post('/tenants', { name: 'acme', hosts: ['acme.example'], origins: { api: { url: origin.url } } });
    expect(await all()).toEqual(new Set(['1']));
    origin.change('/a');
    expect(await all()).toEqual(new Set(['1']));
    await post('/tenants/acme/purge', { all: true });
    expect(await all()).toEqual(new Set(['2']));
    await post('/tenants/acme/suspend');
    expect(await all()).toEqual(new Set(['expected 200, got 503']));
    await post('/tenants/acme/resume');
    expect(await all()).toEqual(new Set(['2']));
    await post('/tenants/acme/delete');
    // The file's own route takes every host.
    expect(await all()).toEqual(new Set(['1']));
    expect([file.gets > 0, origin.gets >= 3]).toEqual([true, true]);
  });
});
