// One connection to PostgreSQL as the feeds need it, and the implementation on the package `pg`.
//
// `pg` has no API for replication. Its connection object passes the messages on all the same, and its socket can be paused.
// Only this file knows of both.

import { TidegateError } from '../../errors.ts';

export type SessionRow = Readonly<Record<string, unknown>>;

export interface PostgresSession {
  query(text: string, values?: readonly unknown[]): Promise<readonly SessionRow[]>;
  /**
   * Runs START_REPLICATION; resolves when the stream has begun. The bytes given to `data` are valid during the call only.
   */
  replicate(command: string, data: (bytes: Uint8Array) => void): Promise<void>;
  /** Sends bytes to the server's end of the stream. */
  send(bytes: Uint8Array): void;
  /** Pauses reading from the socket. */
  pause(): void;
  resume(): void;
  /** Calls `notified` for each NOTIFY on a channel that the session listens to. */
  onNotification(notified: () => void): void;
  /** Resolves with the reason when either end has closed the connection. */
  readonly ended: Promise<string>;
  close(): Promise<void>;
}

/** A connection for replication runs in `replication=database` mode. It must not go through a pooler. */
export type ConnectPostgres = (purpose: 'queries' | 'replication') => Promise<PostgresSession>;

/** Makes the server write texts in the forms that cells are made of, whatever its configuration says. */
export const TEXT_FORMS = [
  ['datestyle', 'ISO, MDY'],
  ['intervalstyle', 'postgres'],
  ['timezone', 'UTC'],
  ['bytea_output', 'hex'],
  ['extra_float_digits', '1'],
] as const;

/** SQL: whether the schema `n` is neither the system's nor the feed's own. */
export const IS_OF_APPLICATION = `n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'tidegate')`;

/** Compiling and planning again would cost more than the queries. */
const PLANS = [
  ['jit', 'off'],
  ['plan_cache_mode', 'force_generic_plan'],
] as const;

/** The used part of `pg`'s Client; its own types leave the connection out. */
interface Client {
  connect(): Promise<unknown>;
  query(text: string): Promise<unknown>;
  query(config: { readonly name?: string; readonly text: string; readonly values: unknown[] }): Promise<unknown>;
  end(): Promise<void>;
  on(event: 'error', heard: (error: Error) => void): unknown;
  on(event: 'end' | 'notification', heard: () => void): unknown;
  readonly connection: {
    once(event: 'replicationStart', heard: () => void): unknown;
    off(event: 'replicationStart', heard: () => void): unknown;
    on(event: 'copyData', heard: (message: { readonly chunk: Uint8Array }) => void): unknown;
    readonly stream: {
      readonly writable: boolean;
      write(bytes: Uint8Array): unknown;
      pause(): unknown;
      resume(): unknown;
      destroy(): unknown;
    };
  };
}

const COPY_DATA = 0x64;
const COPY_HEADER = 5;
const CONNECT_TIMEOUT_MS = 10_000;

/** Connections of the package `pg`, which must be installed. `config` is for its Client. */
export function nodePostgres(config: string | object): ConnectPostgres {
  const given = typeof config === 'string' ? { connectionString: config } : config;
  return async (purpose) => {
    const { default: pg } = await import('pg').catch((cause: unknown) => {
      const what = 'the package pg, which could not be loaded: npm install pg';
      throw new TidegateError('E_FEED', `expected ${what}`, { cause });
    });
    const client: Client = new (pg.Client as unknown as new (config: object) => Client)({
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      application_name: 'tidegate',
      ...given,
      types: TYPES,
      ...(purpose === 'replication' ? { replication: 'database' } : {}),
    });
    const session = new NodePostgresSession(client);
    await client.connect();
    try {
      await client.query([...TEXT_FORMS, ...PLANS].map(([name, value]) => `SET ${name} = '${value}'`).join('; '));
    } catch (error) {
      await session.close();
      throw error;
    }
    return session;
  };
}

/** By the type identifiers of bool, int2, int4, oid, float8 and json. Other types stay text. */
const PARSERS: Readonly<Record<number, (text: string) => unknown>> = {
  ...{ 16: (text) => text === 't', 21: Number, 23: Number, 26: Number, 701: Number },
  114: (text) => JSON.parse(text) as unknown,
};
/** An application may have changed the parsers that the whole process shares. */
const TYPES = { getTypeParser: (id: number) => PARSERS[id] ?? String };

const MAX_NAMED = 200;

class NodePostgresSession implements PostgresSession {
  readonly ended: Promise<string>;
  readonly #client: Client;
  /** Names of prepared statements: the same few repeat, and planning one takes longer than running it. */
  readonly #names = new Map<string, string>();
  #lastError: string | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(client: Client) {
    this.#client = client;
    this.ended = new Promise((resolve) => {
      client.on('error', (error) => {
        this.#lastError = error.message;
        client.connection.stream.destroy();
      });
      client.on('end', () => resolve(this.#lastError ?? 'the connection was closed'));
    });
  }

  /** Runs one query after the other: `pg` is about to drop its own queue. */
  query(text: string, values: readonly unknown[] = []): Promise<readonly SessionRow[]> {
    const ask = () => this.#ask(text, values);
    const asked = this.#last.then(ask, ask);
    this.#last = asked;
    return asked;
  }

  async #ask(text: string, values: readonly unknown[]): Promise<readonly SessionRow[]> {
    // Without values `pg` uses the simple protocol, the only one that a replication connection accepts.
    if (values.length === 0) return rowsOf(await this.#client.query(text));
    // The server keeps named statements.
    const mayName = this.#names.has(text) || this.#names.size < MAX_NAMED;
    const name = this.#names.get(text) ?? `tidegate_${this.#names.size}`;
    if (mayName) this.#names.set(text, name);
    return rowsOf(await this.#client.query({ ...(mayName && { name }), text, values: [...values] }));
  }

  replicate(command: string, data: (bytes: Uint8Array) => void): Promise<void> {
    const { connection } = this.#client;
    let isBegun = false;
    return new Promise((resolve, reject) => {
      const begun = () => {
        isBegun = true;
        connection.on('copyData', ({ chunk }) => data(chunk));
        resolve();
      };
      connection.once('replicationStart', begun);
      this.#client.query(command).then(
        () => connection.stream.destroy(),
        (error: Error) => {
          // The next `replicate` call adds its own listener.
          connection.off('replicationStart', begun);
          if (!isBegun) return reject(error);
          // The stream is over; `ended` gives this reason.
          this.#lastError ??= error.message;
          connection.stream.destroy();
        },
      );
    });
  }

  send(bytes: Uint8Array): void {
    const { stream } = this.#client.connection;
    if (!stream.writable) return;
    // CopyData: a letter, then the length with itself counted. The driver's own method wants a Buffer.
    const message = new Uint8Array(bytes.length + COPY_HEADER);
    message[0] = COPY_DATA;
    new DataView(message.buffer).setInt32(1, bytes.length + COPY_HEADER - 1);
    message.set(bytes, COPY_HEADER);
    stream.write(message);
  }

  pause(): void {
    this.#client.connection.stream.pause();
  }

  resume(): void {
    this.#client.connection.stream.resume();
  }

  onNotification(notified: () => void): void {
    this.#client.on('notification', notified);
  }

  async close(): Promise<void> {
    // A paused socket would not notice that the server has gone.
    this.resume();
    await Promise.race([this.#client.end().catch(() => undefined), this.ended]);
  }
}

function rowsOf(result: unknown): readonly SessionRow[] {
  return (result as { readonly rows?: SessionRow[] }).rows ?? [];
}
