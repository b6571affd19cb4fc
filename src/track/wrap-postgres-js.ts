// postgres.js: a function that makes queries, which run once somebody waits for them.
//
// The one complication: a query may be a part of another one, and its text is not known before it has run. So it is
// recorded when it is waited for, with the text and the parameters that were sent.

import type { Connection, Recorder } from './recorder.ts';
import { connection, methodOf } from './wrapping.ts';

/** What makes no query of its own, or gives what is no query. */
const PASSED = new Set(
  `end close json array typed types notify parameters options PostgresError BigInt CLOSE END`.split(' '),
);
/** Runs of a query whose answer is not all there at once. */
const BIT_BY_BIT = new Set(['cursor', 'forEach', 'stream', 'readable', 'writable']);
/** They give the query itself. */
const MODES = new Set(['simple', 'values', 'raw', 'execute']);
const WAITS = new Set(['then', 'catch', 'finally']);

type Call = (...given: unknown[]) => unknown;

/** `sql`. */
export function wrapPostgresJs<T extends object>(sql: T, recorder: Recorder, on: Connection = connection(false)): T {
  const query = (made: unknown) => (isQuery(made) ? wrapQuery(made, recorder, on) : made);
  const inner =
    (name: string) =>
    (...given: unknown[]) =>
      within(sql, name, { given, recorder });
  return new Proxy(sql, {
    apply: (target, _, given) => query(Reflect.apply(target as Call, undefined, given)),
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function' || typeof name === 'symbol' || PASSED.has(name)) return value;
      if (name === 'unsafe' || name === 'file') return (...given: unknown[]) => query(methodOf(target, name)(...given));
      if (name === 'begin' || name === 'savepoint' || name === 'reserve') return inner(name);
      return (...given: unknown[]) => {
        recorder.call(name);
        return methodOf(target, name)(...given);
      };
    },
  });
}

interface Begun {
  readonly given: readonly unknown[];
  readonly recorder: Recorder;
}

/** Transactions, and connections that may be in one. */
function within(sql: object, name: string, { given, recorder }: Begun): unknown {
  const wrap = (inner: unknown) =>
    typeof inner === 'function' ? wrapPostgresJs(inner, recorder, connection(true)) : inner;
  const passed = given.map((one) => (typeof one === 'function' ? (inner: unknown) => (one as Call)(wrap(inner)) : one));
  const answer = methodOf(sql, name)(...passed);
  return name === 'reserve' ? Promise.resolve(answer).then(wrap) : answer;
}

function isQuery(made: unknown): made is Promise<unknown> {
  return made instanceof Promise && 'strings' in made && 'args' in made;
}

function wrapQuery(query: Promise<unknown>, recorder: Recorder, on: Connection): Promise<unknown> {
  let isNoted = false;
  let answer: Promise<unknown> | undefined;
  const note = () => {
    if (!isNoted) recorder.call('a query that is read bit by bit');
    isNoted = true;
  };
  const answered = () => {
    answer ??= isNoted ? query.then((rows) => rows) : recorded(query, recorder, on);
    return answer;
  };
  const proxy: Promise<unknown> = new Proxy(query, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function' || typeof name === 'symbol' || name === 'constructor') return value;
      if (WAITS.has(name)) return (...given: unknown[]) => methodOf(answered(), name)(...given);
      return (...given: unknown[]) => {
        if (BIT_BY_BIT.has(name)) note();
        if (name === 'execute') answered();
        const result = methodOf(target, name)(...given);
        return MODES.has(name) || result === target ? proxy : result;
      };
    },
    set: (target, name, value) => Reflect.set(target, name, value, target),
  });
  return proxy;
}

/** What was run, as the driver keeps it with the query. */
interface Run {
  readonly string?: unknown;
  readonly parameters?: unknown;
}

async function recorded(query: Promise<unknown>, recorder: Recorder, on: Connection): Promise<unknown> {
  const started = recorder.start();
  let rows: unknown;
  try {
    rows = await query;
  } catch (error) {
    recorder.call('a query that failed');
    throw error;
  }
  const { string, parameters } = query as unknown as Run;
  const reading = recorder.begin(string, { list: parametersOf(parameters), started }, on);
  reading?.done(Array.isArray(rows) ? [...rows] : undefined);
  return rows;
}

function parametersOf(parameters: unknown): readonly unknown[] {
  if (!Array.isArray(parameters)) return [];
  // Of type 0 or of one that the driver knows, each with the value that was given, or with the text that was sent.
  return parameters.map((parameter: unknown) =>
    knownOf(typeof parameter === 'object' && parameter !== null && 'value' in parameter ? parameter.value : parameter),
  );
}

/** For a column of a time the driver makes a Date of a text, in its own time zone: what is sent is not what was given. */
function knownOf(value: unknown): unknown {
  return typeof value === 'string' && /^\s*\d{4}-\d\d-\d\d/.test(value) ? { time: value } : value;
}
