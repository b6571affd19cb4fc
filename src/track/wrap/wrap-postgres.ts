// node-postgres (`pg`: Pool and Client).
//
// Which of its clients a pool gives to a statement is known only when it is sent. So the statement
// goes with a note, by which the client that it comes to can be asked what names mean to it.
//
// Facts are taken from the texts that the server sent, whatever the application's parsers make of them. Parsers are not
// called for NULLs, and are not told of rows. Texts and rows are brought together by the NULLs that the answer shows; where
// those are others than the ones that had no text, nothing is known of the column.

import { AsyncResource } from 'node:async_hooks';
import { ServerText } from '../../dependency/condition/cells.ts';
import type { Session } from '../../sql/ast.ts';
import type { SessionFacts } from '../../sql/postgres/session.ts';
import type { ReadRefusal, RegistryClient } from '../follow/registry-client.ts';
import type { StatementRecording } from '../scope/scopes.ts';
import type { AskedSession, PostgresConnection, Question, Sent } from './postgres-connection.ts';
import {
  carrying,
  isRefusal,
  isWatchedClient,
  UNKNOWN_SESSION,
  watchClient,
  watchPool,
} from './postgres-connection.ts';
import type { Connection, Recorder } from './recorder.ts';
import { methodOf, namesOf, runLater, wrapped } from './wrapping.ts';

const HARMLESS = namesOf(`on once off addListener removeListener removeAllListeners emit end release ref unref
  getTypeParser setTypeParser escapeIdentifier escapeLiteral listenerCount listeners eventNames setMaxListeners
  getMaxListeners prependListener prependOnceListener rawListeners pauseDrain resumeDrain getTransactionStatus`);

type Callback = (error: unknown, answer?: unknown, ...rest: unknown[]) => void;

/** Wraps a `Pool`, a `Client`, or a pool's client. */
export function wrapPg<T extends object>(target: T, recorder: Recorder, pool?: Sessions): T {
  const isPool = 'totalCount' in target && 'idleCount' in target && 'on' in target;
  if (isPool) watchPool(target);
  else if ('connection' in target || 'processID' in target) watchClient(target);
  const isWatched = isPool || isWatchedClient(target);
  const sessions = pool ?? { likely: undefined };
  return wrapped(target, recorder, {
    own: {
      query: (...given: unknown[]) => {
        const asked = askedOf(given);
        if (asked === undefined) {
          recorder.call('query');
          return methodOf(target, 'query')(...given);
        }
        const { text, isWhole } = asked;
        const run = new Run(sessions);
        const recording = recorder.begin(text, asked, run);
        const sent = run.isWanted && isWatched ? given.with(0, carrying(given[0], run)) : given;
        return runQuery(target, sent, { recording, isWhole, isPool });
      },
      connect: (...given: unknown[]) =>
        connect(target, given, (client) => (isPool ? wrapPg(client, recorder, sessions) : client)),
    },
    harmless: HARMLESS,
  });
}

/** Shared by the connections of one pool: the latest answer of one of them. */
interface Sessions {
  likely: Session | undefined;
}

/** One statement, which finds its connection when it is sent: a pool gives each another. */
class Run implements Connection, AskedSession, Sent {
  readonly session = this;
  isAltered = false;
  readonly #sessions: Sessions;
  #wantedBy: RegistryClient | undefined;
  #connection: PostgresConnection | undefined;
  #question: Question | undefined;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  get isWanted(): boolean {
    return this.#wantedBy !== undefined;
  }

  get likely(): Session | undefined {
    return this.#sessions.likely;
  }

  /** As far as known before it has run. */
  isTransaction(): boolean {
    return false;
  }

  want(registry: RegistryClient): void {
    this.#wantedBy = registry;
  }

  reached(connection: PostgresConnection): void {
    this.#connection = connection;
    if (this.#wantedBy !== undefined) this.#question = connection.ask(this.#wantedBy);
  }

  state(): SessionFacts | ReadRefusal {
    if (this.#connection?.isOutside === false) return { kind: 'transaction' };
    const { answer = UNKNOWN_SESSION } = this.#question ?? {};
    if (!isRefusal(answer)) this.#sessions.likely = answer.session;
    return answer;
  }

  changed(): void {
    if (this.#question !== undefined) this.#connection?.changed(this.#question);
  }
}

/** Returns undefined for a cursor, a stream, or anything else that runs itself. */
function askedOf([first, second]: readonly unknown[]) {
  const list: readonly unknown[] | undefined = Array.isArray(second) ? second : undefined;
  if (typeof first === 'string') return { text: first, list: list ?? [], isWhole: true };
  if (typeof first !== 'object' || first === null || 'submit' in first) return undefined;
  const { text, values, rows } = first as Readonly<Record<'text' | 'values' | 'rows', unknown>>;
  return { text, list: list ?? (Array.isArray(values) ? values : []), isWhole: rows === undefined };
}

function runQuery(
  target: object,
  given: readonly unknown[],
  { recording, isWhole, isPool }: { recording: StatementRecording | undefined; isWhole: boolean; isPool: boolean },
): unknown {
  if (recording === undefined) return methodOf(target, 'query')(...given);
  const texts = new ServerTexts(recording.outputs ?? new Set());
  const query = (...args: unknown[]) =>
    isPool ? texts.onPool(target, args) : methodOf(target, 'query')(...texts.asked(target, args));
  const at = given.findLastIndex((one) => typeof one === 'function');
  const stated = isPool ? undefined : (given[0] as { readonly callback?: Callback }).callback;
  const callback = at >= 0 ? (given[at] as Callback) : stated;
  if (callback === undefined) {
    const rows = (answer: unknown) => texts.rowsOf(answer);
    return runLater(recording, { run: () => query(...given), rows, isWhole });
  }
  // The connection calls it and knows nothing of the request; its reads belong to the request all the same.
  const bound = AsyncResource.bind(callback);
  const heard: Callback = (error, answer, ...rest) => {
    if (error) recording.failed();
    else recording.done(texts.rowsOf(answer), isWhole);
    bound(error, answer, ...rest);
  };
  if (at >= 0) return query(...given.with(at, heard));
  return query(withOwn(given[0] as object, { callback: heard }), ...given.slice(1));
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

type Parse = (text: unknown) => unknown;

/** Type parsers, as `pg` has them for a query, a client and the whole process. */
interface Types {
  getTypeParser(id: number, format: string): Parse;
}

/** Texts of those columns of one answer that facts are taken from. */
export class ServerTexts {
  readonly #outputs: ReadonlySet<number>;
  readonly #texts = new Map<number, unknown[]>();
  #columns = 0;

  constructor(outputs: ReadonlySet<number>) {
    this.#outputs = outputs;
  }

  /** Arguments for a client's `query`. */
  asked(client: object, [first, ...rest]: readonly unknown[]): unknown[] {
    const config = typeof first === 'string' ? { text: first } : (first as { readonly types?: unknown });
    const own = 'types' in config && config.types ? config.types : client;
    if (typeof (own as Types).getTypeParser !== 'function') return [first, ...rest];
    const types: Types = {
      getTypeParser: (id, format) => this.#parser((own as Types).getTypeParser(id, format), format),
    };
    return [withOwn(config, { types }), ...rest];
  }

  /** Runs a query of a pool, which takes a client for it at once. */
  onPool(pool: object, given: readonly unknown[]): unknown {
    const before = Object.getOwnPropertyDescriptor(pool, 'connect');
    const connect = methodOf(pool, 'connect');
    const lending = (...rest: unknown[]) => {
      const [callback] = rest as [Callback | undefined];
      if (callback === undefined) return connect();
      return connect((error: unknown, client?: object, ...more: unknown[]) =>
        callback(error, client && this.#lent(client), ...more),
      );
    };
    Object.defineProperty(pool, 'connect', { value: lending, configurable: true, writable: true });
    try {
      return methodOf(pool, 'query')(...given);
    } finally {
      Reflect.deleteProperty(pool, 'connect');
      if (before !== undefined) Object.defineProperty(pool, 'connect', before);
    }
  }

  /** Rows by the ordinals of their columns. Returns undefined when nothing is known of them. */
  rowsOf(answer: unknown): readonly unknown[] | undefined {
    const { rows, fields } = (answer ?? {}) as {
      rows?: (unknown[] | Readonly<Record<string, unknown>>)[];
      fields?: { name: string }[];
    };
    if (!Array.isArray(rows) || !Array.isArray(fields)) return undefined;
    if (rows.length > 0 && fields.length !== this.#columns) return undefined;
    const made = rows.map((): unknown[] => new Array(fields.length).fill(undefined));
    const names = fields.map(({ name }) => name);
    for (const [at, texts] of this.#texts) {
      const name = names[at] as string;
      const isShown = names.indexOf(name) === names.lastIndexOf(name);
      const shown = rows.map((row) => (Array.isArray(row) ? row[at] : isShown ? row[name] : undefined));
      for (const [place, cell] of (aligned(texts, shown) ?? []).entries()) (made[place] as unknown[])[at] = cell;
    }
    return made;
  }

  #lent(client: object): object {
    return new Proxy(client, {
      get: (target, name) => {
        if (name === 'query') return (...given: unknown[]) => methodOf(target, 'query')(...this.asked(target, given));
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  /** The driver asks for it once per column, in their order. */
  #parser(parse: Parse, format: string): Parse {
    const at = this.#columns++;
    if (format !== 'text' || !this.#outputs.has(at)) return parse;
    const texts: unknown[] = [];
    this.#texts.set(at, texts);
    return (text) => {
      texts.push(text);
      return parse(text);
    };
  }
}

/** A copy with all that `config` has, by getters and prototypes too. */
function withOwn(config: object, own: Readonly<Record<string, unknown>>): object {
  const properties = Object.entries(own).map(
    ([name, value]) => [name, { value, writable: true, enumerable: true, configurable: true }] as const,
  );
  return Object.create(config, Object.fromEntries(properties)) as object;
}

function aligned(texts: readonly unknown[], shown: readonly unknown[]): unknown[] | undefined {
  const made = texts.map((text) => (typeof text === 'string' ? new ServerText(text) : undefined));
  if (texts.length === shown.length) return made;
  const nulls = shown.filter((value) => value === null).length;
  if (texts.length + nulls !== shown.length) return undefined;
  let next = 0;
  return shown.map((value) => (value === null ? null : made[next++]));
}
