// What a gate exports: names and labels of its metrics, from one that runs and has done a little of everything.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { admin, ask, startSite, TOKEN } from '../browser/site.ts';

/** By the name of a series; those of a histogram too. */
export async function exported(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-exported-'));
  const site = await startSite(folder);
  try {
    await admin(site, '/tenants', {
      name: 'acme',
      hosts: ['acme.example'],
      origins: { api: { url: 'http://127.0.0.1:9' } },
    });
    for (let sequence = 1; sequence < 3; sequence++) {
      await admin(site, '/sources', { source: 'shop', session: 's', sequence, leaseMs: 60_000, tags: [], lagMs: 1 });
    }
    for (const path of ['/users/1', '/users/1', '/private/1']) await ask(site, path);
    await ask(site, '/', 'acme.example');
    const headers = { authorization: `Bearer ${TOKEN}` };
    const text = await (await fetch(`${site.gate.adminUrl}/metrics`, { headers })).text();
    const found = new Map<string, Set<string>>();
    for (const [, name] of text.matchAll(/^# TYPE (\S+) \S+$/gm)) found.set(name as string, new Set());
    for (const [, name = '', labels = ''] of text.matchAll(/^([a-z_]+)(?:\{([^}]*)\})? /gm)) {
      const known = found.get(name) ?? new Set<string>();
      for (const [, label] of labels.matchAll(/(\w+)="/g)) known.add(label as string);
      found.set(name, known);
    }
    return found;
  } finally {
    await site.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
