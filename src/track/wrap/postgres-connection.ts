// One connection of PostgreSQL, and what is known of its session, which decides what names and values mean: asked once, and
// again after any statement that may have changed it. Behind a pooler it may be another one with each transaction, so its last
// answer holds for nothing.
//
// The application may use the connection past its wrapper, in the pool's own `connect` event for one. So the object of `pg`
// is made to tell of each statement that is sent, in the order in which they are.

import type { Session } from '../../sql/ast.ts';
import { SESSION_QUERY, type SessionFacts, sessionFacts } from '../../sql/postgres/session.ts';
import type { ReadRefusal, RegistryClient } from '../follow/registry-client.ts';
import { type Call, isControl } from './statements.ts';

/** Facts that hold for one statement of a connection. */
export interface AskedSession {
  /** The session when a connection of the pool was last asked. */
  readonly likely: Session | undefined;
  /** Call it before the statement is sent: the connection is asked, unless its session is known. */
  want?(registry: RegistryClient): void;
  /** Call it once the statement has answered: the session it was run in, or why that is unknown. */
  state(): SessionFacts | ReadRefusal;
  /** The statement may have changed the state. */
  changed?(): void;
}

const POOLER =
  'a connection that is not the one that was begun, as through a pooler, or does not say; connect to the server itself';

export const UNKNOWN_SESSION: ReadRefusal = { kind: 'session-state', what: 'a connection whose session is not known' };

/** `pid`: that of the connection, as the driver was told when it began. */
export function judged(text: string, pid: unknown): SessionFacts | ReadRefusal {
  const facts = sessionFacts(text);
  if (facts.pid !== pid) return { kind: 'session-state', what: POOLER };
  if (facts.isWithin) return { kind: 'transaction' };
  if (facts.problems.length > 0) return { kind: 'session-state', what: facts.problems.join('; ') };
  return facts;
}

export function isRefusal(state: SessionFacts | ReadRefusal): state is ReadRefusal {
  return 'kind' in state;
}

/** A question to a connection. */
export interface Question {
  /** Knows what a statement leaves as it is. */
  readonly registry: RegistryClient;
  /** That of the registry: once statements may mean something else, the answer holds no longer. */
  readonly generation: number;
  /** Undefined while it has not answered. */
  answer: SessionFacts | ReadRefusal | undefined;
}

/** A statement on its way to a connection. */
export interface Sent {
  /** Called with the connection, before it is sent. */
  reached(connection: PostgresConnection): void;
}

const SENT = Symbol('statement on its way');
const connections = new WeakMap<object, PostgresConnection>();
const pools = new WeakSet<object>();
/** Begins a statement that only reads, as far as its first word says. */
export const QUERY = /^[\s(]*(?:select|with|values|table)\b/i;

export function watchClient(client: object): void {
  if (!connections.has(client)) connections.set(client, new PostgresConnection(client));
}

export function isWatchedClient(client: object): boolean {
  return connections.has(client);
}

/** Watches each Client that a Pool of `pg` gives from now on, to whomever. */
export function watchPool(pool: object): void {
  if (pools.has(pool)) return;
  pools.add(pool);
  (Reflect.get(pool, 'on', pool) as Call).call(pool, 'acquire', (client: object) => watchClient(client));
}

/** The first argument of `query`, which takes the statement with it. */
export function carrying(given: unknown, sent: Sent): object {
  if (typeof given === 'string') return { text: given, [SENT]: sent };
  return new Proxy(given as object, {
    get: (target, name) => (name === SENT ? sent : Reflect.get(target, name, target)),
  });
}

export class PostgresConnection {
  readonly #client: object;
  readonly #query: Call;
  #question: Question | undefined;
  /** The server's status when a statement had ended: `I` outside of a transaction. Undefined when none has been heard. */
  #status: string | undefined;
  /** Resolves once the question under way has been answered. */
  #asking: Promise<void> | undefined;
  /** Something was sent that may begin a transaction, and has not ended. */
  #mayBegin = false;

  constructor(client: object) {
    this.#client = client;
    this.#query = (Reflect.get(client, 'query', client) as Call).bind(client);
    const wire: unknown = Reflect.get(client, 'connection', client);
    if (typeof wire === 'object' && wire !== null && 'prependListener' in wire) {
      const on = (wire.prependListener as Call).bind(wire);
      on('readyForQuery', ({ status }: { readonly status?: string }) => {
        this.#status = status;
        this.#mayBegin = false;
      });
      // A setting that the server reports was changed, by whatever.
      on('parameterStatus', () => this.#reported());
    }
    const value = (...given: unknown[]): unknown => {
      this.#sent(given[0]);
      return this.#asking === undefined ? this.#query(...given) : this.#later(this.#asking, given);
    };
    Object.defineProperty(client, 'query', { value, configurable: true, writable: true, enumerable: false });
  }

  /** Whether the statement that has just ended left the connection outside of a transaction. */
  get isOutside(): boolean {
    return this.#status === 'I';
  }

  /** Call it before the statement it is for is sent. Returns undefined when the connection cannot be asked now. */
  ask(registry: RegistryClient): Question | undefined {
    const known = this.#question;
    const { generation } = registry;
    if (known?.registry === registry && known.generation === generation) return known;
    // Another question would be asked before the statements that wait for the one under way.
    if (this.#asking !== undefined) return undefined;
    if (this.#mayBegin || (this.#status !== undefined && this.#status !== 'I')) return undefined;
    const question: Question = { registry, generation, answer: undefined };
    this.#question = question;
    const types = { getTypeParser: () => (value: unknown) => String(value) };
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#asking = promise;
    void promise.then(() => {
      this.#asking = undefined;
    });
    this.#query({ text: SESSION_QUERY, types, rowMode: 'array' }, (error: unknown, result: unknown) => {
      question.answer = error ? UNKNOWN_SESSION : this.#judged(result);
      resolve();
    });
    return question;
  }

  /** Keeps their order, as the driver is about to give up keeping statements in line. */
  #later(asking: Promise<void>, given: readonly unknown[]): unknown {
    const run = asking.then(() => this.#query(...given));
    const { callback, isSubmitted } = partsOf(given[0]);
    if (isSubmitted === true) return given[0];
    return callback === undefined && typeof given.at(-1) !== 'function' ? run : undefined;
  }

  changed(question: Question): void {
    question.answer = UNKNOWN_SESSION;
    if (this.#question === question) this.#question = undefined;
  }

  /** While a question is under way it is of a statement before it. */
  #reported(): void {
    if (this.#question?.answer !== undefined) this.changed(this.#question);
    else this.#question = undefined;
  }

  #judged(result: unknown): SessionFacts | ReadRefusal {
    try {
      const [row] = (result as { readonly rows: readonly (readonly string[])[] }).rows;
      return judged(row?.[0] as string, Reflect.get(this.#client, 'processID', this.#client));
    } catch {
      return UNKNOWN_SESSION;
    }
  }

  #sent(given: unknown): void {
    const { text, [SENT]: sent } = partsOf(given);
    if (sent !== undefined) sent.reached(this);
    const isQuery = typeof text === 'string' && QUERY.test(text);
    if (!isQuery) this.#mayBegin = true;
    const question = this.#question;
    if (question === undefined || (typeof text === 'string' && isControl(text))) return;
    const { answer, registry } = question;
    // A recorded statement is judged once the question has been answered.
    const isHarmless =
      answer === undefined
        ? sent !== undefined
        : isQuery && (isRefusal(answer) || registry.template(text, answer.session).kind === 'tracked');
    if (!isHarmless) this.#question = undefined;
  }
}

interface Parts {
  readonly text?: unknown;
  readonly callback?: unknown;
  /** Whether it sends statements by itself: a cursor, a stream. */
  readonly isSubmitted?: boolean;
  readonly [SENT]?: Sent;
}

function partsOf(given: unknown): Parts {
  if (typeof given === 'string') return { text: given };
  if (typeof given !== 'object' || given === null) return {};
  return 'submit' in given ? { isSubmitted: true } : (given as Parts);
}
