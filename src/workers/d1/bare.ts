// The platform's own D1 bindings, called past the wrapper: an application may have taken one before any request, as by
// `const db = drizzle(env.DB)` where a module begins. The methods of the platform are replaced by some that ask whose work
// calls. In a request, the call becomes one of its wrapped binding; what cannot become one leaves the response unstored.

import { messageOf } from '../../errors.ts';
import type { D1Database, D1PreparedStatement, D1Result, D1Session } from './binding.ts';
import type { TrackedBinding } from './wrapped.ts';

/** The request whose work calls. */
export interface Caller {
  /** By the platform's own. */
  readonly wrapped: ReadonlyMap<object, TrackedBinding>;
  refuse(reason: string): void | Promise<void>;
}

export interface Callers {
  /** Undefined: no request's. */
  running(): Caller | undefined;
  /** A statement is sent by work of no request. */
  outside(): void;
}

type Method = (this: object, ...args: unknown[]) => unknown;

/** Where a statement, or a session, comes from. */
interface Source {
  readonly database: object;
  /** Undefined: of a session, whose statements go where it says. */
  readonly sql?: string;
  readonly values?: readonly unknown[];
}

const UNSEEN =
  'unseen: a statement was sent past withD1, expected one prepared in a request by a binding given to withD1';

/** Objects that were made before the methods were replaced are missing. */
const sources = new WeakMap<object, Source>();
/** Statements of the wrapper. */
const ownStatements = new WeakSet<object>();
const replaced = new WeakSet<object>();
/** Bindings that have a tracker, with the reason why calls of them cannot be seen. */
const watched = new WeakMap<object, string | undefined>();
/** A call of the wrapper is being made. Instrumentation may stand between it and the platform's method. */
let isOwn = false;

function own<T>(call: () => T): T {
  const before = isOwn;
  isOwn = true;
  try {
    return call();
  } finally {
    isOwn = before;
  }
}

/** Gives the reason why calls of it cannot be seen, if there is one. */
export function watch(database: D1Database, callers: Callers): string | undefined {
  if (watched.has(database)) return watched.get(database);
  let fault: string | undefined;
  try {
    replaceAll(database, callers);
  } catch (error) {
    fault = `unseen: expected methods of the binding that can be replaced, got ${messageOf(error)}`;
  }
  watched.set(database, fault);
  return fault;
}

function replaceAll(database: D1Database, callers: Callers): void {
  const statement = own(() => database.prepare('SELECT 1'));
  const session = own(() => database.withSession?.());
  const sourceOf = (object: object) => sources.get(object);
  const bind: Replacement = (bare) =>
    function (...values) {
      const bound = bare.apply(this, values) as object;
      if (ownStatements.has(this)) ownStatements.add(bound);
      const source = sourceOf(this);
      if (source !== undefined) sources.set(bound, { ...source, values });
      return bound;
    };
  const sent = (name: Sent) => sending(callers, name, sourceOf);
  replace(statement, { bind, first: sent('first'), all: sent('all'), run: sent('run'), raw: sent('raw') });
  replace(session, { prepare: making(callers, 'prepare', sourceOf), batch: sent('batch') });
  const ofDatabase = (name: Sent) => sending(callers, name, (object) => ({ database: object }));
  replace(database, {
    prepare: making(callers, 'prepare', (object, sql) => ({ database: object, sql: String(sql) })),
    withSession: making(callers, 'withSession', (object) => ({ database: object })),
    ...{ batch: ofDatabase('batch'), exec: ofDatabase('exec'), dump: ofDatabase('dump') },
  });
}

type Replacement = (bare: Method) => Method;
type Sent = 'first' | 'all' | 'run' | 'raw' | 'batch' | 'exec' | 'dump';
type SourceOf = (object: object, sql?: unknown) => Source | undefined;

/** Replaces each method on the object or prototype that has it. Throws where that is frozen. */
function replace(object: unknown, replacements: Readonly<Record<string, Replacement>>): void {
  for (const [name, replacement] of Object.entries(replacements)) {
    let holder = object as Record<string, Method> | null | undefined;
    while (holder != null && !Object.hasOwn(holder, name)) holder = Object.getPrototypeOf(holder);
    const bare = holder?.[name];
    if (holder == null || bare === undefined || replaced.has(bare)) continue;
    const value = replacement(bare);
    Object.defineProperty(holder, name, { value });
    replaced.add(value);
  }
}

/** For methods that send nothing, but make an object that will. */
function making(callers: Callers, name: 'prepare' | 'withSession', sourceOf: SourceOf): Replacement {
  return (bare) =>
    function (...args) {
      const wrapped = isOwn ? undefined : callers.running()?.wrapped.get(this);
      if (wrapped !== undefined) return wrapped[name](args[0] as string);
      const made = bare.apply(this, args) as object;
      const source = sourceOf(this, args[0]);
      if (isOwn) ownStatements.add(made);
      else if (source !== undefined) sources.set(made, source);
      return made;
    };
}

function sending(callers: Callers, name: Sent, sourceOf: SourceOf): Replacement {
  return (bare) =>
    function (...args) {
      if (isOwn || ownStatements.has(this)) return bare.apply(this, args);
      const run = () => own(() => bare.apply(this, args)) as Promise<unknown>;
      const request = callers.running();
      const source = sourceOf(this);
      if (request === undefined) {
        if (source === undefined || watched.has(source.database)) callers.outside();
        return run();
      }
      const wrapped = source && request.wrapped.get(source.database);
      const call = wrapped && source && seenCall(wrapped, name, { of: this, source, args });
      if (call !== undefined) return call;
      // It may have written to any of them.
      const of = source === undefined ? [...request.wrapped.values()] : wrapped === undefined ? [] : [wrapped];
      return unseen(request, of, run);
    };
}

interface Call {
  readonly of: object;
  readonly source: Source;
  readonly args: readonly unknown[];
}

/** Makes the call through the wrapper. Undefined where the wrapper has no equal call. */
function seenCall(wrapped: TrackedBinding, name: Sent, { of, source, args }: Call): unknown {
  if (of !== source.database) {
    const statement = source.sql === undefined || name === 'batch' ? undefined : restated(wrapped, source);
    return (statement as Record<string, Method> | undefined)?.[name]?.(...args);
  }
  if (name !== 'batch') return (wrapped as unknown as Record<string, Method>)[name]?.(...args);
  const [statements] = args as [D1PreparedStatement[]];
  const known = (statement: D1PreparedStatement) => {
    const its = sources.get(statement);
    return its?.sql !== undefined && its.database === of ? restated(wrapped, its) : statement;
  };
  return wrapped.batch(Array.isArray(statements) ? statements.map(known) : statements);
}

function restated(wrapped: TrackedBinding, { sql = '', values }: Source): D1PreparedStatement {
  const statement = wrapped.prepare(sql);
  return values === undefined ? statement : statement.bind(...values);
}

async function unseen(request: Caller, of: readonly TrackedBinding[], run: () => Promise<unknown>): Promise<unknown> {
  await request.refuse(UNSEEN);
  return of.reduce((inner, wrapped) => () => wrapped.opaque(inner), run)();
}

/** The binding as the wrapper calls it, or a drain. */
export class BareBinding implements D1Database {
  readonly #database: D1Database;

  constructor(database: D1Database) {
    this.#database = database;
  }

  prepare(sql: string): D1PreparedStatement {
    return own(() => this.#database.prepare(sql));
  }

  batch(statements: D1PreparedStatement[]): Promise<D1Result[]> {
    return own(() => this.#database.batch(statements));
  }

  exec(sql: string): Promise<unknown> {
    return own(() => this.#database.exec(sql));
  }

  dump(): Promise<ArrayBuffer> {
    return own(() => this.#database.dump?.()) as Promise<ArrayBuffer>;
  }

  withSession(constraintOrBookmark?: string): D1Session {
    const session = own(() => this.#database.withSession?.(constraintOrBookmark));
    return (session && {
      prepare: (sql) => own(() => session.prepare(sql)),
      batch: (statements) => own(() => session.batch(statements)),
      getBookmark: () => session.getBookmark(),
    }) as D1Session;
  }
}
