// Real workerd by Miniflare: each data centre is a process with two isolates of the Worker and a Cache API of its own. A third
// process, `home`, has what they share: the Durable Objects and KV, which each data centre reads through a cache that lags.
//
// An application on D1 has all of it in one process, since a database is bound in its own process alone.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Request as MiniflareRequest, WorkerOptions } from 'miniflare';
import type { Dice } from '../../sim/dice.ts';
import type { ClientAnswer, ClientRequest } from '../platform/platform.ts';
import { realTime, WorkersCacheImitation } from '../platform/workers-cache.ts';
import type { Passage } from '../platform/world.ts';
import type { Place } from '../race/race.ts';
import { askedOf, headersOf, streamedFrom } from './client.ts';
import { imitationAnswer } from './imitation-service.ts';
import { WorkerdProcess } from './workerd-process.ts';

export interface WorkerdParts {
  /** Bundles in the format of ES modules. */
  readonly script: string;
  readonly kvScript: string;
  /** What the bundle finds as `RACE`. */
  readonly settings: unknown;
  /** Answers for the binding ORIGIN. */
  readonly origin: (request: Request) => Promise<Response>;
  readonly dice: Dice;
  /** Classes of Durable Objects that the bundle exports, by their bindings. */
  readonly objects: Readonly<Record<string, string>>;
  readonly hasDatabase: boolean;
  /** How long KV lags. */
  readonly lagMs: number;
}

const DATA_CENTRES = ['east', 'west'] as const;
export const ISOLATES = 2;
const HOME = 'home';

export class Workerd {
  readonly dataCentres: readonly Place[];
  readonly calls = new Map<string, number>();
  /** How often what happened. */
  readonly happened = new Map<string, number>();
  /** How a call passes; by default at once. */
  passage: (service: string) => Partial<Passage> = () => ({});
  /** When the next client leaves without its answer; undefined: it stays. */
  leavesAfterMs: () => number | undefined = () => undefined;
  readonly dice: Dice;
  readonly #parts: WorkerdParts;
  readonly #imitation: WorkersCacheImitation;
  readonly #folder = mkdtempSync(join(tmpdir(), 'tidegate-workerd-'));
  readonly #processes: ReadonlyMap<string, WorkerdProcess>;
  readonly #kills = new Map<string, number>();

  constructor(parts: WorkerdParts) {
    this.#parts = parts;
    const { dice } = parts;
    this.dice = dice;
    this.#imitation = new WorkersCacheImitation({
      time: realTime,
      upperMs: () => dice.below(20),
      upwardMs: () => dice.below(400),
      purgeMs: (isHere) => dice.below(isHere ? 20 : 300),
    });
    const own = DATA_CENTRES.map((place) => [place, this.#isolates(place)] as const);
    const shared = [this.#home(), ...DATA_CENTRES.map((place) => this.#kv(place))];
    const groups: (readonly [string, readonly WorkerOptions[]])[] = parts.hasDatabase
      ? [[HOME, [...shared, ...own.flatMap(([, workers]) => workers)]]]
      : [[HOME, shared], ...own];
    const registry = join(this.#folder, 'registry');
    this.#processes = new Map(
      groups.map(([name, workers]) => [
        name,
        new WorkerdProcess({ workers, registry, folder: join(this.#folder, name) }),
      ]),
    );
    this.dataCentres = DATA_CENTRES.map((name) => ({
      name,
      ask: (request, at) => this.#ask(name, request, at ?? dice.below(ISOLATES)),
    }));
  }

  async ready(): Promise<void> {
    for (const [name] of this.#processes) await this.#at(name, name === HOME ? HOME : `${name}-0`);
  }

  async dispose(): Promise<void> {
    await Promise.all([...this.#processes.values()].map((process) => process.dispose()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The Workers Cache has had no part where these are 0. */
  get cached(): WorkersCacheImitation['counts'] {
    return this.#imitation.counts;
  }

  count(what: string): void {
    this.happened.set(what, (this.happened.get(what) ?? 0) + 1);
  }

  /** Ends the process of a data centre, or what all share, in the middle of whatever it does. */
  async kill(name: string): Promise<void> {
    this.#kills.set(name, (this.#kills.get(name) ?? 0) + 1);
    this.count(`${name === HOME ? 'storage' : 'isolates'} killed`);
    await this.#processes.get(name)?.kill();
  }

  /** Asks a Worker past the race. */
  async call(path: string): Promise<ClientAnswer> {
    return askedOf(await this.#at(HOME, HOME), { method: 'GET', url: `http://home${path}` });
  }

  async #at(process: string, worker: string): Promise<URL> {
    return (this.#processes.get(process) ?? (this.#processes.get(HOME) as WorkerdProcess)).at(worker);
  }

  #isolates(place: string): readonly WorkerOptions[] {
    const { origin } = this.#parts;
    return Array.from({ length: ISOLATES }, (_, at) => ({
      ...this.#worker(`${place}-${at}`),
      bindings: { ADMIN_TOKEN: 'secret', PLACE: place },
      serviceBindings: {
        OBJECTS: { name: HOME, entrypoint: 'Objects' },
        TIDEGATE_KV: { name: `kv-${place}`, entrypoint: 'LaggingKv' },
        CONTROL: (request: MiniflareRequest) => this.#control(request),
        ORIGIN: async (request: MiniflareRequest) => (await origin(request as unknown as Request)) as never,
        PLATFORM: (request: MiniflareRequest) =>
          imitationAnswer(this.#imitation, request, (...asked) => this.#inner(...asked)) as never,
      },
    }));
  }

  #home(): WorkerOptions {
    const bound = Object.entries(this.#parts.objects).map(([name, className]) => [
      name,
      { className, useSQLite: true },
    ]);
    return {
      ...this.#worker(HOME),
      durableObjects: Object.fromEntries(bound) as NonNullable<WorkerOptions['durableObjects']>,
      serviceBindings: { CONTROL: (request: MiniflareRequest) => this.#control(request) },
    };
  }

  #worker(name: string) {
    const { script, settings, hasDatabase } = this.#parts;
    const contents = `const RACE = ${JSON.stringify(settings)};\n${script}`;
    return {
      ...{ name, compatibilityDate: '2026-06-01' },
      modules: [{ type: 'ESModule' as const, path: 'worker.js', contents }],
      unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
      ...(hasDatabase && { d1Databases: { DB: 'shop' } }),
    };
  }

  #kv(place: string): WorkerOptions {
    const { kvScript, lagMs } = this.#parts;
    return {
      ...{ name: `kv-${place}`, modules: true, script: kvScript, compatibilityDate: '2026-06-01' },
      ...{ kvNamespaces: { KV: 'shared' }, bindings: { LAG_MS: lagMs } },
      serviceBindings: { CONTROL: (request: MiniflareRequest) => this.#control(request) },
    };
  }

  #control(request: MiniflareRequest): never {
    const [, name = '', what] = decodeURI(new URL(request.url).pathname).split('/');
    if (what !== undefined) this.count(what);
    else this.calls.set(name, (this.calls.get(name) ?? 0) + 1);
    const passage: Passage = { thereMs: 0, backMs: 0, fate: 'done', ...(what === undefined && this.passage(name)) };
    return Response.json(passage) as never;
  }

  async #inner(place: string, url: string, headers: Readonly<Record<string, string>>): Promise<Response> {
    const at = await this.#at(place, `${place}-${this.#parts.dice.below(ISOLATES)}`);
    const response = await streamedFrom(at, { method: 'GET', url, headers });
    const body = Readable.toWeb(response) as ReadableStream<Uint8Array>;
    return new Response(body, { status: response.statusCode ?? 500, headers: headersOf(response) });
  }

  async #ask(place: string, request: ClientRequest, isolate: number): Promise<ClientAnswer> {
    const process = this.#processes.has(place) ? place : HOME;
    const at = await this.#at(place, `${place}-${isolate}`);
    const kills = this.#kills.get(process);
    const answer = await askedOf(at, request, this.leavesAfterMs());
    if (answer.kind === 'cut') this.count('clients that left');
    if (answer.kind !== 'failed' || kills === this.#kills.get(process)) return answer;
    this.count('requests cut');
    return { kind: 'cut' };
  }
}
