// A prepared query of Drizzle, with its reads through the cache and its writes guarded.
//
// Drizzle maps the driver's answer, so the cache stands between the two: 0.45 calls the driver within `queryWithCache`, 1.0
// through `executor` or `executors`, and better-sqlite3 in 0.45 by its statement. A driver with none of them is not cached;
// its writes are guarded all the same.

import { has } from '../../../options/kit.ts';
import type { Eventually } from '../../../ports.ts';
import { markOf } from '../entities.ts';

export type Method = (...args: readonly unknown[]) => unknown;
export type UntypedObject = Record<PropertyKey, unknown>;

export function isPromise<T>(value: Eventually<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** A call of the driver: `form` tells the forms of answers apart. */
export type DriverCall = (
  form: string,
  params: readonly unknown[],
  run: () => Eventually<unknown>,
) => Eventually<unknown>;

/** What is done instead of one call of one method; `run` does what Drizzle does. */
export interface Plan {
  /** With it, the driver is called through `call`. */
  readonly call?: DriverCall;
  /** `given`: the values of placeholders. */
  readonly around?: (run: () => unknown, given: unknown) => unknown;
}

const METHODS = ['run', 'all', 'get', 'values'] as const;

/** The query, whose methods that reach the database ask for a plan at each call. `whenReady`: runs the work once one can be made. */
export function planned(
  prepared: object,
  planFor: (method: string) => Plan,
  whenReady: (work: () => unknown) => unknown,
): object {
  const wrapped = new Map<PropertyKey, Method>();
  const loose = prepared as UntypedObject;
  // `execute` of SQLite calls one of the others.
  const own = ['execute', 'all'].filter((name) => typeof loose[name] === 'function');
  for (const name of typeof loose.executeMethod === 'string' ? METHODS : own) {
    const run: Method = (...args) => {
      const { call, around } = planFor(name);
      // A token of its own: rows may be shown by it, and the key does not hold it.
      const isPersonal = args[1] !== undefined || loose.authToken !== undefined;
      const target = call === undefined || isPersonal ? prepared : (throughDriver(prepared, name, call) ?? prepared);
      const send = () => ((target as UntypedObject)[name] as Method).apply(target, [...args]);
      return around === undefined ? send() : around(send, args[0]);
    };
    wrapped.set(name, (...args) => whenReady(() => run(...args)));
  }
  return new Proxy(prepared, {
    get: (target, name, receiver) => wrapped.get(name) ?? Reflect.get(target, name, receiver),
  });
}

/** Parameters of the query as the driver gets them; undefined: such a one is not known before. */
export function paramsOf(query: unknown, given: unknown): readonly unknown[] {
  const { params } = (query ?? {}) as UntypedObject;
  return Array.isArray(params) ? params.map((param) => paramOf(param, given)) : [];
}

function paramOf(param: unknown, given: unknown): unknown {
  if (typeof param !== 'object' || param === null || markOf(param) !== 'Placeholder') return param;
  // With an encoder of its own, a placeholder may be encoded otherwise each time.
  return (given as UntypedObject | undefined)?.[String((param as UntypedObject).name)];
}

export function isSyncPrepared(prepared: object): boolean {
  const { mode, resultKind } = prepared as UntypedObject;
  return mode === 'sync' || resultKind === 'sync';
}

/** True: an answer can be put in the place of the driver's. */
export function canBeCached(prepared: object): boolean {
  return throughDriver(prepared, 'all', (_form, _params, run) => run()) !== undefined;
}

/** The same query with its driver called through `call`; undefined: there is no such way. */
function throughDriver(prepared: object, method: string, call: DriverCall): object | undefined {
  const { executor, executors, queryWithCache, stmt, mode } = prepared as UntypedObject;
  const isSync = isSyncPrepared(prepared);
  const form = (part: string) => `${method} ${part}`;
  const modeName = typeof mode === 'string' ? mode : '';
  if (typeof executor === 'function')
    return derived(prepared, { executor: promising(calledExecutor(executor as Method, form(modeName), call)) });
  if (typeof executors === 'object' && executors !== null) {
    const calls: UntypedObject = {};
    for (const name of METHODS) {
      const original = (executors as UntypedObject)[name];
      if (typeof original !== 'function') continue;
      const called = calledExecutor(original as Method, form(`${name} ${modeName}`), call);
      calls[name] = isSync ? called : promising(called);
    }
    return derived(prepared, { executors: calls });
  }
  if (isSync && !has(stmt, 'all', 'get', 'run', 'raw')) return undefined;
  if (isSync) return derived(prepared, { stmt: calledStatement(stmt as Statement, form, call) });
  if (typeof queryWithCache !== 'function') return undefined;
  const called: Method = (text, params, query) =>
    call(form('driver'), params as readonly unknown[], () => queryWithCache.call(prepared, text, params, query));
  return derived(prepared, { queryWithCache: promising(called) });
}

/** Drizzle expects a promise of a driver that gives one, also where the cache answers at once. */
function promising(method: Method): Method {
  return async (...args) => await method(...args);
}

/** An object that differs in its own fields alone; what it is given otherwise stays its own. */
function derived(of: object, own: UntypedObject): object {
  return Object.assign(Object.create(of), own);
}

function calledExecutor(executor: Method, form: string, call: DriverCall): Method {
  return (params) => call(form, params as readonly unknown[], () => executor(params));
}

/** A statement of better-sqlite3. */
interface Statement extends Readonly<Record<'all' | 'get' | 'run', Method>> {
  raw(): Statement;
}

/** Its `raw` changes the statement for all calls to come, so it is called anew at each. */
function calledStatement(statement: Statement, form: (part: string) => string, call: DriverCall): Statement {
  const facade = (isRaw: boolean): Statement => {
    const mode = isRaw ? 'arrays' : 'objects';
    const target = () => (isRaw ? statement.raw() : statement);
    return {
      all: (...params) => call(form(`all ${mode}`), params, () => target().all(...params)),
      get: (...params) => call(form(`get ${mode}`), params, () => target().get(...params)),
      run: (...params) => statement.run(...params),
      raw: () => facade(true),
    };
  };
  return facade(false);
}
