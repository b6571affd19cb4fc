// node-postgres (`pg`: Pool and Client).
//
// The one complication: a client may be in a transaction, which it does not say. What was begun by a statement through
// this wrapper is known; so a client that is taken from a wrapped pool is wrapped as well.

import { AsyncResource } from 'node:async_hooks';
import type { Given } from './parameters.ts';
import type { Connection, Reading, Recorder } from './recorder.ts';
import { ServerTexts, withOwn } from './server-texts.ts';
import { methodOf, namesOf, runLater, wrapped } from './wrapping.ts';

const HARMLESS = namesOf(`on once off addListener removeListener removeAllListeners emit end release ref unref
  getTypeParser setTypeParser escapeIdentifier escapeLiteral listenerCount listeners eventNames setMaxListeners
  getMaxListeners prependListener prependOnceListener rawListeners pauseDrain resumeDrain getTransactionStatus`);
const BEGINS = /\b(?:begin|start\s+transaction|savepoint)\b/i;
const ENDS =
  /^[\s;]*(?:commit|end|rollback|abort)\b(?!\s+(?:(?:work|transaction)\s+)?to\b)(?!.*\bchain\b)[^;]*;?\s*$/is;

type Callback = (error: unknown, answer?: unknown, ...rest: unknown[]) => void;

/** `Pool`, `Client` and what a pool gives. */
export function wrapPg<T extends object>(target: T, recorder: Recorder, pool?: Connection): T {
  const isPool = 'totalCount' in target && 'idleCount' in target;
  let isBegun = false;
  let begins = 0;
  const own: Connection = { isTransaction: () => isBegun, isAltered: false };
  // What one client of a pool was told may hold for the next who gets it.
  const on = pool === undefined ? own : sharing(pool, own);
  return wrapped(target, recorder, {
    own: {
      query: (...given: unknown[]) => {
        const asked = askedOf(given);
        if (asked === undefined) {
          recorder.call('query');
          return methodOf(target, 'query')(...given);
        }
        const { text } = asked;
        // On a pool each statement has a client of its own; whoever begins a transaction there leaves it to another.
        const isEnd = typeof text === 'string' && ENDS.test(text);
        if (typeof text === 'string' && !isEnd && BEGINS.test(text)) {
          isBegun = true;
          begins++;
        }
        const reading = recorder.begin(text, asked, on);
        const answer = runQuery(target, given, { reading, isWhole: asked.isWhole, isPool });
        if (!isEnd || isPool) return answer;
        const seen = begins;
        return after(answer, () => {
          // Another one may have been begun behind it.
          if (seen === begins) isBegun = false;
        });
      },
      connect: (...given: unknown[]) =>
        connect(target, given, (client) => (isPool ? wrapPg(client, recorder, on) : client)),
    },
    harmless: HARMLESS,
  });
}

function sharing(pool: Connection, own: Connection): Connection {
  return {
    isTransaction: own.isTransaction,
    get isAltered() {
      return pool.isAltered;
    },
    set isAltered(value: boolean) {
      pool.isAltered = value;
    },
  };
}

interface Asked extends Given {
  readonly text: unknown;
  readonly isWhole: boolean;
}

/** Undefined: a cursor, a stream, or something else that runs itself. */
function askedOf([first, second]: readonly unknown[]): Asked | undefined {
  const list = Array.isArray(second) ? second : [];
  if (typeof first === 'string') return { text: first, list, isWhole: true };
  if (typeof first !== 'object' || first === null || 'submit' in first) return undefined;
  const { text, values, rows } = first as {
    readonly text?: unknown;
    readonly values?: unknown;
    readonly rows?: unknown;
  };
  return {
    text,
    list: Array.isArray(second) ? second : Array.isArray(values) ? values : [],
    isWhole: rows === undefined,
  };
}

interface Running {
  readonly reading: Reading | undefined;
  readonly isWhole: boolean;
  readonly isPool: boolean;
}

function runQuery(target: object, given: readonly unknown[], { reading, isWhole, isPool }: Running): unknown {
  if (reading === undefined) return methodOf(target, 'query')(...given);
  const texts = new ServerTexts(reading.outputs ?? new Set());
  const query = (...args: unknown[]) =>
    isPool ? texts.onPool(target, args) : methodOf(target, 'query')(...texts.asked(target, args));
  const at = given.findLastIndex((one) => typeof one === 'function');
  const stated = isPool ? undefined : (given[0] as { readonly callback?: Callback }).callback;
  const callback = at >= 0 ? (given[at] as Callback) : stated;
  if (callback === undefined) {
    const rows = (answer: unknown) => texts.rowsOf(answer);
    return runLater(reading, { run: () => query(...given), rows, isWhole });
  }
  // It is called by the connection, which knows nothing of the request; what it reads belongs to it all the same.
  const bound = AsyncResource.bind(callback);
  const heard: Callback = (error, answer, ...rest) => {
    if (error) reading.failed();
    else reading.done(texts.rowsOf(answer), isWhole);
    bound(error, answer, ...rest);
  };
  if (at >= 0) return query(...given.with(at, heard));
  return query(withOwn(given[0] as object, { callback: heard }), ...given.slice(1));
}

/** Once it is over, however; a callback's answer cannot be waited for. */
function after(answer: unknown, done: () => void): unknown {
  return answer instanceof Promise ? answer.finally(done) : answer;
}

function connect(target: object, given: readonly unknown[], wrap: (client: object) => object): unknown {
  const [callback] = given;
  const call = methodOf(target, 'connect');
  if (typeof callback === 'function') {
    const bound = AsyncResource.bind(callback as Callback);
    return call((error: unknown, client: object | undefined, ...rest: unknown[]) =>
      bound(error, client && wrap(client), ...rest),
    );
  }
  const connected = call() as Promise<object | undefined>;
  return connected.then((client) => (typeof client === 'object' && client !== null ? wrap(client) : client));
}
