// Inside of workerd: a Worker whose bindings and Cache API do what the test in Node says. Each call asks the test first how it
// passes: how long it takes, and whether it fails before or after its effect.

import { env as bindings } from 'cloudflare:workers';
import type { Bindings } from '../../../src/workers/platform.ts';
import type { Passage } from '../platform/world.ts';

declare function setTimeout(work: () => void, delayMs: number): unknown;

type Methods = Readonly<Record<string, (...given: unknown[]) => unknown>>;

interface Objects {
  call(binding: string, name: string, method: string, given: readonly unknown[]): Promise<unknown>;
}

/** Not controlled: the way to the test itself. */
const CONTROL = 'CONTROL';
/** What scenarios call the object of the log. */
const NAMES: Readonly<Record<string, string>> = { TIDEGATE_LOG: 'coordinator' };

const pause = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms));

async function passed<T>(name: string, call: () => T | Promise<T>): Promise<T> {
  const control = bindings[CONTROL] as { fetch(url: string): Promise<Response> };
  const { thereMs, backMs, fate } = (await (await control.fetch(`http://control/${name}`)).json()) as Passage;
  await pause(thereMs);
  if (fate === 'done') {
    const result = await call();
    await pause(backMs);
    return result;
  }
  if (fate === 'fails after' || fate === 'is lost after') await call();
  await pause(backMs);
  throw new Error(`Network connection lost: ${name}`);
}

/** Every binding that has methods is controlled. The service OBJECTS (raced-worker.ts) stands for all Durable Objects. */
export function controlledEnv({ OBJECTS, ...env }: Bindings): Bindings {
  const objects = OBJECTS === undefined ? [] : ['TIDEGATE_LOG', 'DRAIN'];
  return Object.fromEntries([
    ...objects.map((name) => [name, namespaceOf(name, OBJECTS as Objects)]),
    ...Object.entries(env).map(([name, bound]) => {
      const isPlain = typeof bound !== 'object' || bound === null || name === CONTROL;
      return [name, isPlain ? bound : controlledBinding(name, bound as Methods)];
    }),
  ]);
}

function controlledBinding(name: string, bound: Methods): unknown {
  // A service has a method of every name.
  const isDatabase = (bound.constructor as { readonly name: string }).name === 'D1Database';
  return isDatabase ? databaseOf(name, bound) : serviceOf(name, bound);
}

function namespaceOf(binding: string, objects: Objects): unknown {
  const get = (name: string) => {
    const call = (_: unknown, method: string | symbol) =>
      method === 'then'
        ? undefined
        : (...given: unknown[]) =>
            passed(NAMES[binding] ?? binding, () => objects.call(binding, name, String(method), given));
    return new Proxy({}, { get: call });
  };
  return { idFromName: (name: string) => name, get, getByName: get };
}

function serviceOf(name: string, service: Methods): Methods {
  return new Proxy(service, {
    get: (_, method) => {
      if (typeof method !== 'string' || method === 'then') return undefined;
      return (...given: unknown[]) => passed(name, () => service[method]?.(...given));
    },
  });
}

function databaseOf(name: string, database: Methods): unknown {
  const statements = new WeakMap<object, unknown>();
  const statementOf = (bare: Methods): object => {
    const run =
      (method: string) =>
      (...given: unknown[]) =>
        passed(name, () => bare[method]?.(...given));
    const statement = {
      bind: (...values: unknown[]) => statementOf(bare.bind?.(...values) as Methods),
      ...{ first: run('first'), all: run('all'), run: run('run'), raw: run('raw') },
    };
    statements.set(statement, bare);
    return statement;
  };
  return {
    prepare: (sql: string) => statementOf(database.prepare?.(sql) as Methods),
    batch: (list: readonly object[]) => passed(name, () => database.batch?.(list.map((one) => statements.get(one)))),
    exec: (sql: string) => passed(name, () => database.exec?.(sql)),
  };
}

/** The Cache API of all code that is loaded in this isolate. */
export function controlCaches(): void {
  const real = (globalThis as unknown as { readonly caches: { readonly default: Methods } }).caches;
  Object.defineProperty(globalThis, 'caches', { value: { default: serviceOf('Cache API', real.default) } });
}
