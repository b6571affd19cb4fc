// Shared by the wrappers of drivers: an object that is the driver's own but for some of its methods.
//
// An unknown method may read or write. So it is called all the same, and the response in the making is not stored.

import type { StatementRecording } from '../scope/scopes.ts';
import type { Connection, Recorder } from './recorder.ts';
import type { Call } from './statements.ts';

const originals = new WeakMap<object, object>();

/** `own`: methods in the place of the driver's, as far as it has them. `harmless`: those that read and write nothing. */
export function wrapped<T extends object>(
  target: T,
  recorder: Recorder,
  { own, harmless }: { readonly own: Readonly<Record<string, unknown>>; readonly harmless: ReadonlySet<string> },
): T {
  const proxy = new Proxy(target, {
    get(_, name) {
      // A client that is made at its first use may have its methods by `get` alone, so it is not asked by `in`.
      const value: unknown = Reflect.get(target, name, target);
      if (typeof name === 'string' && Object.hasOwn(own, name) && value !== undefined) return own[name];
      if (typeof value !== 'function' || name === 'constructor') return value;
      const method = value as Call;
      if (typeof name === 'symbol' || harmless.has(name)) return method.bind(target);
      return (...given: unknown[]) => {
        recorder.call(name);
        return method.apply(target, given);
      };
    },
    set: (_, name, value) => Reflect.set(target, name, value, target),
  });
  originals.set(proxy, target);
  return proxy;
}

export function originalOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? (originals.get(value) ?? value) : value;
}

export function namesOf(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/));
}

/** A connection whose statements all stand for themselves, or all do not. */
export function connection(isTransaction: boolean): Connection {
  return { isTransaction: () => isTransaction, isAltered: false, isBlind: true };
}

export function methodOf(target: object, name: string): Call {
  const method: unknown = Reflect.get(target, name, target);
  if (typeof method !== 'function') throw new TypeError(`expected a method ${name}, got ${typeof method}`);
  return (...given) => Reflect.apply(method, target, given);
}

/** Rows of an answer; undefined when they cannot be had. */
export type RowsOf<T = unknown> = (answer: T) => readonly unknown[] | undefined;

interface Tracked<T, Answer = T> {
  readonly run: () => Answer;
  readonly rows: RowsOf<T>;
  readonly isWhole?: boolean;
}

/** Runs a statement that answers at once. */
export function runNow<T>(recording: StatementRecording | undefined, { run, rows, isWhole }: Tracked<T>): T {
  let answer: T;
  try {
    answer = run();
  } catch (error) {
    recording?.failed();
    throw error;
  }
  recording?.done(rows(answer), isWhole);
  return answer;
}

/** Runs one that answers later. */
export async function runLater<T>(
  recording: StatementRecording | undefined,
  { run, rows, isWhole }: Tracked<T, Promise<T> | T>,
): Promise<T> {
  // What throws at once is answered later, too.
  const answer = await (async () => run())().catch((error: unknown) => {
    recording?.failed();
    throw error;
  });
  recording?.done(rows(answer), isWhole);
  return answer;
}
