// A namespace of simulated Durable Objects: one instance for each name, reached by RPC. Its storage stays, its memory goes at
// every restart, and with it whatever was under way.
//
// Two things that are easily forgotten hold here as on the platform. Arguments and results are copies, and an
// error comes over with its message alone. And an instance that was replaced runs on for nobody: it is handed nothing.

import { Isolate, type IsolateParts } from './isolate.ts';
import { SqlStorage } from './sql-storage.ts';
import type { World } from './world.ts';

type Methods = Record<string, (...given: unknown[]) => unknown>;
type ObjectClass = new (state: unknown, env: unknown) => Methods;

export interface NamespaceParts {
  readonly world: World;
  /** Service name in faults and figures. */
  readonly service: string;
  /** Name of the exported class. */
  readonly className: string;
  readonly isolate: Omit<IsolateParts, 'world' | 'name'>;
  readonly env: () => Readonly<Record<string, unknown>>;
}

/** First of the delays before an alarm that has thrown is tried again; each is twice the one before. */
const RETRY_MS = 2_000;
const MAX_RETRIES = 6;

export class DurableNamespace {
  readonly objects = new Map<string, DurableObjectHost>();
  readonly #parts: NamespaceParts;

  constructor(parts: NamespaceParts) {
    this.#parts = parts;
  }

  /** What a Worker's `env` holds. */
  get binding(): unknown {
    const idOf = (name: string) => ({ name, toString: () => name, equals: (other: unknown) => String(other) === name });
    const stub = (name: string) =>
      new Proxy({} as Record<string, unknown>, {
        get: (_, method) => {
          if (typeof method !== 'string' || method === 'then') return undefined;
          if (method === 'id') return idOf(name);
          if (method === 'name') return name;
          return (...given: unknown[]) => this.#call(name, method, given);
        },
      });
    return {
      idFromName: idOf,
      idFromString: idOf,
      newUniqueId: () => idOf(`unique-${this.#parts.world.dice.below(2 ** 31)}`),
      get: (id: unknown) => stub(String(id)),
      getByName: stub,
    };
  }

  /** All instances lose their memory, and what is under way fails. */
  restart(why: string): void {
    for (const host of this.objects.values()) host.stop(why);
  }

  host(name: string): DurableObjectHost {
    let host = this.objects.get(name);
    if (host === undefined) {
      host = new DurableObjectHost(this.#parts, name);
      this.objects.set(name, host);
    }
    return host;
  }

  async #call(name: string, method: string, given: readonly unknown[]): Promise<unknown> {
    const { world, service } = this.#parts;
    const sent = structuredClone(given) as unknown[];
    return world.call(service, async () => structuredClone(await this.host(name).run(method, sent)));
  }
}

interface Instance {
  readonly isolate: Isolate;
  readonly object: Methods;
  /** What the constructor has to finish first. */
  ready: Promise<unknown>;
}

export class DurableObjectHost {
  readonly storage = new SqlStorage();
  readonly #parts: NamespaceParts;
  readonly #name: string;
  #instance: Instance | undefined;
  #starts = 0;
  #cancelAlarm: () => void = () => {};

  constructor(parts: NamespaceParts, name: string) {
    this.#parts = parts;
    this.#name = name;
  }

  get isRunning(): boolean {
    return this.#instance !== undefined;
  }

  /** Runs a method; rejects when it throws, and when the instance ends before it has answered. */
  async run(method: string, given: readonly unknown[]): Promise<unknown> {
    const instance = this.#start();
    const invocation = instance.isolate.invoke(method);
    // It is not ended with its answer: timers of an object go on as long as the object does.
    return new Promise((resolve, reject) => {
      invocation.whenOver(() =>
        reject(new Error('Durable Object reset because its code was updated or it was evicted')),
      );
      invocation.resume(() => {
        const answered = instance.ready.then(() => instance.object[method]?.(...given) ?? missing(instance, method));
        answered.then(resolve, (error) => reject(remote(error)));
      });
    });
  }

  stop(why: string): void {
    const instance = this.#instance;
    this.#instance = undefined;
    instance?.isolate.end(why);
  }

  #start(): Instance {
    if (this.#instance !== undefined) return this.#instance;
    const { world, isolate: parts, className, env } = this.#parts;
    const isolate = new Isolate({
      ...parts,
      world,
      clock: 'isolate',
      name: `${className} ${this.#name}.${++this.#starts}`,
    });
    const Class = isolate.module[className] as ObjectClass | undefined;
    if (Class === undefined) throw new Error(`expected the bundle to export the class ${className}`);
    let ready: Promise<unknown> = Promise.resolve();
    const invocation = isolate.invoke('constructor');
    const state = {
      id: { name: this.#name, toString: () => this.#name },
      storage: this.#storage(),
      exports: {},
      waitUntil: (work: Promise<unknown>) => void work.catch(() => undefined),
      blockConcurrencyWhile: <T>(work: () => Promise<T>): Promise<T> => {
        const done = work();
        ready = done;
        return done;
      },
      abort: (why?: string) => this.stop(why ?? 'abort'),
    };
    let object: Methods | undefined;
    invocation.resume(() => {
      object = new Class(state, env());
    });
    if (object === undefined) throw new Error('expected the constructor to run, got a cut');
    this.#instance = { isolate, object, ready };
    return this.#instance;
  }

  #storage(): unknown {
    const { storage } = this;
    const { world } = this.#parts;
    const kv = {
      get: (key: string) => decode(storage.exec('SELECT value FROM _cf_KV WHERE key = ?', key).toArray()[0]?.value),
      put: (key: string, value: unknown) =>
        void storage.exec('INSERT OR REPLACE INTO _cf_KV VALUES (?, ?)', key, JSON.stringify(value)),
      delete: (key: string) => storage.exec('DELETE FROM _cf_KV WHERE key = ? RETURNING key', key).toArray().length > 0,
    };
    return {
      kv,
      get: async (key: string) => kv.get(key),
      put: async (key: string, value: unknown) => kv.put(key, value),
      delete: async (key: string) => kv.delete(key),
      sql: {
        exec: (query: string, ...bindings: unknown[]) => storage.exec(query, ...bindings),
        databaseSize: 4_096,
      },
      transactionSync: <T>(work: () => T) => storage.transactionSync(work),
      sync: async () => undefined,
      getAlarm: async () => storage.alarmAt ?? null,
      setAlarm: async (when: number | Date) => {
        if (storage.down) throw new Error('Internal error in Durable Object storage');
        const now = this.#instance?.isolate.wallNow() ?? Number(when);
        storage.alarmAt = Number(when);
        this.#plan(world.now + Math.max(0, Number(when) - now), 0);
      },
      deleteAlarm: async () => {
        storage.alarmAt = undefined;
        this.#cancelAlarm();
      },
    };
  }

  /** An alarm may come late; it comes again when it throws or when the instance ends under it. */
  #plan(at: number, retries: number): void {
    this.#cancelAlarm();
    const { world } = this.#parts;
    const lateMs = world.dice.chance(0.1) ? world.dice.below(500) : 0;
    this.#cancelAlarm = world.at(at - world.now + lateMs, () => {
      this.storage.alarmAt = undefined;
      this.run('alarm', [{ retryCount: retries, isRetry: retries > 0 }]).catch((error: unknown) => {
        world.trace(`alarm of ${this.#name}: ${error}`);
        const isPlanned = this.storage.alarmAt !== undefined;
        if (!isPlanned && retries < MAX_RETRIES) this.#plan(world.now + RETRY_MS * 2 ** retries, retries + 1);
      });
    });
  }
}

function missing(instance: Instance, method: string): unknown {
  if (method in instance.object) return undefined;
  throw new TypeError(`The RPC receiver does not implement the method "${method}".`);
}

function decode(value: unknown): unknown {
  return typeof value === 'string' ? JSON.parse(value) : undefined;
}

/** Of an error the platform sends its name and message. */
function remote(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const Kind = error instanceof TypeError ? TypeError : error instanceof RangeError ? RangeError : Error;
  return Object.assign(new Kind(error.message), { remote: true });
}
