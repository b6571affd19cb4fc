// OpenNext as a system of the bench: its own code on the simulated platform, in three of the setups that its documentation has.

import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { D1 } from '../../../test/workers/platform/d1.ts';
import { DurableNamespace } from '../../../test/workers/platform/durable.ts';
import type { IsolateParts } from '../../../test/workers/platform/isolate.ts';
import type { World } from '../../../test/workers/platform/world.ts';
import { kvOf } from '../kv.ts';
import { agreeingDate, type Deployment, EPOCH_MS, NO_ROWS, type Rows, type System } from '../site.ts';
import { OPENNEXT } from './install.ts';

/** `d1`: KV and D1. `objects`: R2 and Durable Objects. `regional`: the same, behind the Cache API. */
export type Setup = 'd1' | 'objects' | 'regional';

const NAMES: Readonly<Record<Setup, string>> = {
  d1: `${OPENNEXT}: KV, tags in D1`,
  objects: `${OPENNEXT}: R2, tags in Durable Objects`,
  regional: `${OPENNEXT}: the same, regional caches`,
};

/** What `nodejs_compat` gives a Worker of OpenNext. */
const GLOBALS = { process: { env: {} }, Buffer, nodeModules: { AsyncLocalStorage, createHash } };

/** Created by its command `populateCache`, 1.20.13, cli/commands/populate-cache.js. */
const D1_TABLE =
  'CREATE TABLE revalidations (tag TEXT NOT NULL, revalidatedAt INTEGER NOT NULL, stale INTEGER, expire INTEGER default NULL, UNIQUE(tag) ON CONFLICT REPLACE)';

export async function openNextCode(): Promise<string> {
  const bundle = await rolldown({
    input: fileURLToPath(new URL('app.mjs', import.meta.url)),
    platform: 'neutral',
    logLevel: 'silent',
    external: /^cloudflare:/,
    plugins: [
      {
        name: 'modules of Node from a global of the simulation',
        resolveId: (id) => (id.startsWith('node:') ? `\0${id}` : undefined),
        load: (id) =>
          id.startsWith('\0node:')
            ? 'export const AsyncLocalStorage = globalThis.nodeModules.AsyncLocalStorage; export const createHash = globalThis.nodeModules.createHash;'
            : undefined,
      },
    ],
  });
  const { output } = await bundle.generate({ format: 'cjs', exports: 'named', codeSplitting: false });
  return output[0].code;
}

export function openNext(setup: Setup, code: string): System {
  return {
    name: NAMES[setup],
    code,
    globals: globalsOf,
    deploy: ({ world, isolate, origin }) => {
      const { env, rows } = setup === 'd1' ? withD1(world) : withObjects(world, isolate);
      return { rows, env: (place) => ({ SETUP: setup, ORIGIN: origin, ...env(place) }) };
    },
    invalidation: (tag) => ({ method: 'POST', url: `https://site.example/?tag=${encodeURIComponent(tag)}` }),
  };
}

function withD1(world: World): Deployment {
  const d1 = new D1(world);
  d1.primary.exec(D1_TABLE);
  const kv = kvOf(world);
  const counted = countedRows(d1.binding as D1Binding);
  return {
    env: ({ name }) => ({ NEXT_TAG_CACHE_D1: counted.binding, NEXT_INC_CACHE_KV: kv(name) }),
    rows: counted.rows,
  };
}

function withObjects(world: World, isolate: Omit<IsolateParts, 'world' | 'name'>): Deployment {
  const objects = new DurableNamespace({
    world,
    service: 'Durable Object',
    className: 'DOShardedTagCache',
    isolate,
    env: () => ({}),
  });
  const r2 = bucket(world);
  const sum = (of: 'rowsRead' | 'rowsWritten') =>
    [...objects.objects.values()].reduce((all, { storage }) => all + storage[of], 0);
  return {
    env: () => ({ NEXT_TAG_CACHE_DO_SHARDED: objects.binding, NEXT_INC_CACHE_R2_BUCKET: r2 }),
    rows: () => ({ ...NO_ROWS, objectRowsRead: sum('rowsRead'), objectRowsWritten: sum('rowsWritten') }),
  };
}

/** R2 is consistent: who reads after a write has ended gets what it wrote. */
function bucket(world: World): unknown {
  const kept = new Map<string, { readonly text: string; readonly uploaded: Date }>();
  return {
    get: (key: string) =>
      world.call('R2 get', () => {
        const object = kept.get(key);
        return object === undefined ? null : { uploaded: object.uploaded, json: async () => JSON.parse(object.text) };
      }),
    put: (key: string, text: string) =>
      world.call('R2 put', () => void kept.set(key, { text, uploaded: new Date(EPOCH_MS + world.now) })),
    delete: (key: string) => world.call('R2 delete', () => void kept.delete(key)),
  };
}

interface D1Binding {
  prepare(query: string): unknown;
  batch(statements: readonly unknown[]): Promise<unknown>;
}

interface Statement {
  bind(...values: readonly unknown[]): Statement;
  raw(): Promise<readonly unknown[]>;
}

/** A look-up by the unique tag scans the row that it finds; an insertion writes the row and that of the index. */
function countedRows(d1: D1Binding): { readonly binding: unknown; readonly rows: () => Rows } {
  let d1RowsRead = 0;
  let d1RowsWritten = 0;
  const counted = (statement: Statement): Statement => ({
    ...statement,
    bind: (...values) => counted(statement.bind(...values)),
    raw: async () => {
      const found = await statement.raw();
      d1RowsRead += found.length;
      return found;
    },
  });
  const binding = {
    ...d1,
    prepare: (query: string) => counted(d1.prepare(query) as Statement),
    batch: (statements: readonly unknown[]) => {
      d1RowsWritten += 2 * statements.length;
      return d1.batch(statements);
    },
  };
  return { binding, rows: () => ({ ...NO_ROWS, d1RowsRead, d1RowsWritten }) };
}

function globalsOf(world: World): Readonly<Record<string, unknown>> {
  return { ...GLOBALS, Date: agreeingDate(world) };
}
