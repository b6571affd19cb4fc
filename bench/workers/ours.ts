// Tidegate as a system of the bench.

import type { WorkersConfig } from '../../src/workers/index.ts';
import { bundleOf } from '../../test/workers/platform/bundle.ts';
import { DurableNamespace } from '../../test/workers/platform/durable.ts';
import type { DataCentre } from '../../test/workers/platform/platform.ts';
import type { EntrypointHere, WorkersCacheImitation } from '../../test/workers/platform/workers-cache.ts';
import type { World } from '../../test/workers/platform/world.ts';
import { kvOf } from './kv.ts';
import { imitationIn, responseOf } from './platform-cache.ts';
import { NO_ROWS, type System } from './site.ts';

export type Mode = 'lease' | 'strict' | 'bounded';
type Tiers = NonNullable<WorkersConfig['tiers']>;

/** Of the mode `bounded`. */
const BOUND = '1s';
export const TOKEN = 'secret';

export function gateCode(): Promise<string> {
  return bundleOf({ entry: `${import.meta.dirname}/gate-app.ts`, format: 'cjs' });
}

/** `name`: of the setup, for tables. */
export function ours(mode: Mode, tiers: Tiers, code: string): System {
  const settings = { tiers, coherence: { mode, ...(mode === 'bounded' && { bound: BOUND }) } } satisfies Pick<
    WorkersConfig,
    'tiers' | 'coherence'
  >;
  return {
    name: `Tidegate ${mode}: ${tiers.join(', ')}`,
    // A bundle cannot be told its configuration from outside.
    code: `const BENCH = ${JSON.stringify(settings)};\n${code}`,
    deploy: ({ world, isolate, origin }) => {
      const objects = new DurableNamespace({
        ...{ world, service: 'Durable Object', className: 'TidegateLog', isolate, env: () => ({}) },
      });
      const kv = kvOf(world);
      const stored = new StoredEntrypoint(world);
      let requests = 0;
      const sum = (of: 'rowsRead' | 'rowsWritten') =>
        [...objects.objects.values()].reduce((all, { storage }) => all + storage[of], 0);
      return {
        rows: () => ({ ...NO_ROWS, objectRowsRead: sum('rowsRead'), objectRowsWritten: sum('rowsWritten') }),
        env: ({ name }) => ({
          ...{ ORIGIN: origin, TOKEN, TIDEGATE_LOG: objects.binding },
          ...(tiers.includes('kv') && { TIDEGATE_KV: kv(name) }),
        }),
        exports: (place) => ({ TidegateStored: stored.at(place) }),
        front: (_place, _request, worker) => {
          requests++;
          return worker();
        },
        workerRuns: () => requests + stored.cache.counts.runs,
      };
    },
    invalidation: (tag) => ({
      method: 'POST',
      url: 'https://site.example/_tidegate/invalidate',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ tags: [tag] }),
    }),
  };
}

/** The cached entrypoint of the Worker behind the imitation of the Workers Cache. */
class StoredEntrypoint {
  readonly cache: WorkersCacheImitation;
  readonly #world: World;
  readonly #places = new Map<string, DataCentre>();

  constructor(world: World) {
    this.#world = world;
    this.cache = imitationIn(world);
  }

  /** As `ctx.exports` of a data centre has it. */
  at(place: DataCentre): (caller: { readonly props?: unknown }) => Pick<EntrypointHere, 'fetch'> {
    this.#places.set(place.name, place);
    const entrypoint = this.cache.entrypoint({
      name: 'TidegateStored',
      version: '1',
      run: (request, { dataCentre, props }) => this.#run(this.#places.get(dataCentre) as DataCentre, request, props),
    });
    return (caller) => ({
      fetch: (request, init) =>
        this.#world.call('Workers Cache', () => entrypoint.at(place.name, caller).fetch(request, init)),
    });
  }

  async #run(place: DataCentre, { method, url, headers }: Request, props: unknown): Promise<Response> {
    const asked = { method, url, headers: Object.fromEntries(headers) };
    const answer = await place.deliver(place.isolate(), asked, ({ module }) => (request, env, context) => {
      const Stored = module.TidegateStored as new (context: unknown, env: unknown) => Fetcher;
      return new Stored({ ...(context as object), props }, env).fetch(request);
    });
    return responseOf(answer);
  }
}

interface Fetcher {
  fetch(request: Request): Promise<Response>;
}
