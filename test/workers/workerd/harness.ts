// Real workerd by Miniflare: each Worker is one isolate of one data centre. All share KV and the Durable Objects; those of one
// data centre share its Cache API.
//
// Miniflare has one Cache API for all, so each data centre is given a named cache of it.

import type { Readable } from 'node:stream';
import { Miniflare } from 'miniflare';
import type { Dice } from '../../sim/dice.ts';
import type { ClientAnswer, ClientRequest } from '../platform/platform.ts';
import type { Passage } from '../platform/world.ts';
import type { VersionedOrigin } from '../race/origin.ts';
import type { Place } from '../race/race.ts';

export interface WorkerdParts {
  /** A bundle in the format of ES modules. */
  readonly script: string;
  /** What the bundle finds as `RACE`. */
  readonly settings: unknown;
  readonly origin: VersionedOrigin;
  readonly dice: Dice;
  /** Whether the bundle exports the class `TidegateLog`. */
  readonly hasCoordinator: boolean;
}

const DATA_CENTRES = ['east', 'west'] as const;
export const ISOLATES = 2;

export class Workerd {
  readonly #miniflare: Miniflare;
  readonly dataCentres: readonly Place[];
  readonly dice: Dice;
  readonly calls = new Map<string, number>();
  /** How a call passes; by default at once. */
  passage: (service: string) => Partial<Passage> = () => ({});

  constructor(parts: WorkerdParts) {
    this.dice = parts.dice;
    const workers = DATA_CENTRES.flatMap((place) =>
      Array.from({ length: ISOLATES }, (_, at) => this.#worker(parts, place, at)),
    );
    this.#miniflare = new Miniflare({
      workers,
      // The gate tells of every fault that the test makes.
      handleRuntimeStdio: (stdout: Readable, stderr: Readable) => {
        stdout.resume();
        stderr.resume();
      },
    });
    this.dataCentres = DATA_CENTRES.map((name) => ({
      name,
      ask: (request, at) => this.#ask(`${name}-${at ?? this.dice.below(ISOLATES)}`, request),
    }));
  }

  get ready(): Promise<unknown> {
    return this.#miniflare.ready;
  }

  dispose(): Promise<void> {
    return this.#miniflare.dispose();
  }

  #worker({ script, settings, origin, hasCoordinator }: WorkerdParts, place: string, at: number) {
    const isFirst = place === DATA_CENTRES[0] && at === 0;
    const object = {
      className: 'TidegateLog',
      useSQLite: true,
      ...(!isFirst && { scriptName: `${DATA_CENTRES[0]}-0` }),
    };
    return {
      name: `${place}-${at}`,
      modules: [{ type: 'ESModule' as const, path: 'worker.js', contents: `${prelude(place, settings)}\n${script}` }],
      compatibilityDate: '2026-06-01',
      bindings: { ADMIN_TOKEN: 'secret' },
      kvNamespaces: { TIDEGATE_KV: 'shared' },
      ...(hasCoordinator && { durableObjects: { TIDEGATE_LOG: object } }),
      serviceBindings: {
        // biome-ignore lint/suspicious/noExplicitAny: Miniflare's own classes of Request and Response.
        ORIGIN: async (request: any) => served(origin, request) as any,
        // biome-ignore lint/suspicious/noExplicitAny: the same.
        CONTROL: async (request: any) => this.#control(new URL(request.url).pathname.slice(1)) as any,
      },
    };
  }

  #control(service: string): Response {
    this.calls.set(service, (this.calls.get(service) ?? 0) + 1);
    return Response.json({ thereMs: 0, backMs: 0, fate: 'done', ...this.passage(service) });
  }

  async #ask(worker: string, { method, url, headers = {}, body }: ClientRequest): Promise<ClientAnswer> {
    const fetcher = (await this.#miniflare.getWorker(worker)) as unknown as { readonly fetch: typeof fetch };
    try {
      const response = await fetcher.fetch(url, {
        method,
        headers: { ...headers },
        ...(body !== undefined && { body }),
      });
      const text = await response.text();
      return { kind: 'answer', status: response.status, headers: new Headers([...response.headers]), body: text };
    } catch (error) {
      return { kind: 'failed', error: String(error) };
    }
  }
}

function prelude(place: string, settings: unknown): string {
  return `const RACE = ${JSON.stringify(settings)};
const allCaches = globalThis.caches;
const ownCache = () => allCaches.open(${JSON.stringify(place)});
const cacheOf = (open) => ({
  match: async (...given) => (await open()).match(...given),
  put: async (...given) => (await open()).put(...given),
  delete: async (...given) => (await open()).delete(...given),
});
const placeCaches = { default: cacheOf(ownCache), open: async (name) => allCaches.open(${JSON.stringify(`${place}-`)} + name) };
Object.defineProperty(globalThis, 'caches', { value: placeCaches });`;
}

async function served(origin: VersionedOrigin, request: Request): Promise<Response> {
  const { status, headers, parts } = origin.serve({
    method: request.method,
    url: new URL(request.url),
    headers: request.headers as unknown as Headers,
    body: await request.text(),
  });
  for (const { afterMs } of parts) await new Promise((resolve) => setTimeout(resolve, Math.min(afterMs, 20)));
  return new Response(parts.length === 0 ? null : parts.map(({ text }) => text).join(''), { status, headers });
}
