// postgres.js: a function that makes queries, which run once somebody waits for them.
//
// A query may be a part of another one, and its text is not known before it has run. So it is recorded when it is
// waited for, with the text and the parameters that were sent. Nor is it known on which connection it will run: so the
// question for the session is sent first, and the query right behind it, without waiting for the answer. The server's
// texts are not kept: values count where the source of the parser that made them shows that it loses nothing.

import { SESSION_QUERY, type SessionFacts } from '../../sql/postgres/session.ts';
import type { ReadRefusal } from '../follow/registry-client.ts';
import { isRefusal, judged, QUERY, UNKNOWN_SESSION } from './postgres-connection.ts';
import type { Connection, Recorder } from './recorder.ts';
import type { Call } from './statements.ts';
import { connection, methodOf, namesOf } from './wrapping.ts';

/** Members that make no query of their own, or return something other than a query. */
const PASSED = namesOf('end close json array typed types notify parameters options PostgresError BigInt CLOSE END');
/** Runs of a query whose answer is not all there at once. */
const BIT_BY_BIT = new Set(['cursor', 'forEach', 'stream', 'readable', 'writable']);
/** Methods that return the query itself. */
const MODES = new Set(['simple', 'values', 'raw', 'execute']);
const WAITS = new Set(['then', 'catch', 'finally']);
const INNER = new Set(['begin', 'savepoint', 'reserve']);

export function wrapPostgresJs<T extends object>(sql: T, recorder: Recorder, on: Connection = connection(false)): T {
  const query = (made: unknown) => {
    const isQuery = made instanceof Promise && 'strings' in made && 'args' in made;
    return isQuery ? wrapQuery(made, { sql, recorder, on }) : made;
  };
  /** Transactions, and connections that may be in one. */
  const within = (name: string, given: readonly unknown[]) => {
    const wrap = (inner: unknown) =>
      typeof inner === 'function' ? wrapPostgresJs(inner, recorder, connection(true)) : inner;
    const passed = given.map((one) =>
      typeof one === 'function' ? (inner: unknown) => (one as Call)(wrap(inner)) : one,
    );
    const answer = methodOf(sql, name)(...passed);
    return name === 'reserve' ? Promise.resolve(answer).then(wrap) : answer;
  };
  return new Proxy(sql, {
    apply: (target, _, given) => query(Reflect.apply(target as Call, undefined, given)),
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function' || typeof name === 'symbol' || PASSED.has(name)) return value;
      if (name === 'unsafe' || name === 'file') return (...given: unknown[]) => query(methodOf(target, name)(...given));
      if (INNER.has(name)) return (...given: unknown[]) => within(name, given);
      return (...given: unknown[]) => {
        recorder.call(name);
        return methodOf(target, name)(...given);
      };
    },
  });
}

interface Parts {
  readonly sql: object;
  readonly recorder: Recorder;
  readonly on: Connection;
}

/** Whether the application transforms each value, or each row, by itself. */
function hasTransforms(sql: object): boolean {
  type Transform = { readonly from?: unknown };
  const { options } = sql as { readonly options?: { readonly transform?: { value?: Transform; row?: Transform } } };
  return Boolean(options?.transform?.value?.from || options?.transform?.row?.from);
}

function wrapQuery(query: Promise<unknown>, parts: Parts): Promise<unknown> {
  let isNoted = false;
  let answer: Promise<unknown> | undefined;
  const note = () => {
    if (!isNoted) parts.recorder.call('a query that is read bit by bit');
    isNoted = true;
  };
  const answered = () => {
    answer ??= isNoted ? query.then((rows) => rows) : recorded(query, parts);
    return answer;
  };
  const proxy: Promise<unknown> = new Proxy(query, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function' || typeof name === 'symbol' || name === 'constructor') return value;
      if (WAITS.has(name)) return (...given: unknown[]) => methodOf(answered(), name)(...given);
      return (...given: unknown[]) => {
        if (BIT_BY_BIT.has(name)) note();
        if (name === 'execute') {
          answered();
          return proxy;
        }
        const result = methodOf(target, name)(...given);
        return MODES.has(name) || result === target ? proxy : result;
      };
    },
    set: (target, name, value) => Reflect.set(target, name, value, target),
  });
  return proxy;
}

/** A run of a query, as the driver keeps it with the query. */
interface Run {
  readonly string?: unknown;
  readonly parameters?: unknown;
  readonly isRaw?: unknown;
  /** Pieces of the text, around the values put in. */
  readonly strings?: readonly string[];
  /** Set when it was sent again, after other queries came in between. */
  readonly retried?: unknown;
  /** State of the connection that it was run on, as the server told when that began. */
  readonly state?: { readonly pid?: unknown } | null;
}

function recorded(query: Promise<unknown>, parts: Parts): Promise<unknown> {
  const end = parts.recorder.await();
  return run(query, parts).finally(end);
}

async function run(query: Promise<unknown>, { sql, recorder, on }: Parts): Promise<unknown> {
  const started = recorder.start();
  const isTransaction = on.isTransaction();
  const { strings } = query as unknown as Run;
  const isAsked = started.mark !== undefined && !isTransaction && QUERY.test(strings?.[0] ?? '');
  const answered = isAsked ? askedWith(query, sql) : query.then((rows) => ({ rows, state: UNKNOWN_SESSION }));
  const { rows, state } = await answered.catch((error: unknown) => {
    recorder.call('a query that failed');
    throw error;
  });
  const { string, parameters, isRaw } = query as unknown as Run;
  const session = { likely: isRefusal(state) ? undefined : state.session, state: () => state };
  const own: Connection = {
    isTransaction: on.isTransaction,
    isAltered: on.isAltered,
    ...(!isTransaction && { session }),
  };
  const recording = recorder.begin(string, { list: parametersOf(parameters), started }, own);
  const isShown = isRaw !== true && !hasTransforms(sql);
  recording?.done(isShown ? rowsOf(rows, recording.outputs ?? new Set()) : undefined);
  return rows;
}

/** Sends the question right before the query on one connection, found as the driver's own transactions find theirs. */
async function askedWith(query: Promise<unknown>, sql: object) {
  let isSent = false;
  const onexecute = (connection: object) => {
    isSent = true;
    // Waited for, it would be sent once more.
    Reflect.set(query, 'executed', true);
    return methodOf(connection, 'execute')(query);
  };
  const question = methodOf(methodOf(sql, 'unsafe')(SESSION_QUERY, [], { onexecute }) as object, 'raw')();
  // Its own `then` would send it.
  const answered = Promise.prototype.then.call(query, undefined, (error: unknown) => {
    throw error;
  });
  const [told] = await Promise.allSettled([question]);
  if (!isSent) methodOf(query, 'execute')();
  const rows = await answered;
  const { state, retried } = query as unknown as Run;
  const isSure = isSent && retried === undefined && told?.status === 'fulfilled';
  return { rows, state: isSure ? stateOf(told.value, state?.pid) : UNKNOWN_SESSION };
}

function stateOf(rows: unknown, pid: unknown): SessionFacts | ReadRefusal {
  try {
    return judged(String((rows as readonly (readonly unknown[])[])[0]?.[0]), pid);
  } catch {
    return UNKNOWN_SESSION;
  }
}

/** Parsers that give the text itself, or the number or truth value that all of it says. A Date is not told all of a time. */
const FAITHFUL = /^\(?(\w+)\)?=>(?:\1|\+\1|\1==='t')$/;

/** Rows by the ordinals of their columns, whose names may differ from the statement's. */
function rowsOf(rows: unknown, outputs: ReadonlySet<number>): readonly unknown[] | undefined {
  const { columns } = rows as { readonly columns?: readonly { readonly name: string; readonly parser?: unknown }[] };
  if (!Array.isArray(rows) || !Array.isArray(columns)) return undefined;
  const names = columns.map(({ name }) => name);
  const known = columns.map(({ parser, name }, at) => {
    const isFaithful = parser === undefined || FAITHFUL.test(String(parser).replaceAll(/\s|;$/g, ''));
    return outputs.has(at) && isFaithful && names.indexOf(name) === names.lastIndexOf(name);
  });
  return rows.map((row) => known.map((is, at) => (is ? (Array.isArray(row) ? row[at] : row[names[at]]) : undefined)));
}

function parametersOf(parameters: unknown): readonly unknown[] {
  if (!Array.isArray(parameters)) return [];
  // Parameters of type 0 or of a type that the driver knows, each as the given value or as the sent text.
  return parameters.map((parameter: unknown) => {
    const isTyped = typeof parameter === 'object' && parameter !== null && 'value' in parameter;
    const value = isTyped ? parameter.value : parameter;
    // For a column of a time the driver makes a Date of a text, in its own time zone: it sends something else than was given.
    return typeof value === 'string' && /^\s*\d{4}-\d\d-\d\d/.test(value) ? { time: value } : value;
  });
}
