// One connection of an application, tracked, by its driver; and a twin beside it that nobody tracks, which is sent the
// same statements, so that it can be asked what the session has become.

import pg from 'pg';
import postgres from 'postgres';
import type { Tracker } from '../../src/track/index.ts';
import type { Texts } from './postgres-database.ts';
import type { Query } from './queries.ts';
import type { Driver } from './session-kinds.ts';

export type Asked = Pick<Query, 'text' | 'parameters'>;

export interface PlainOptions {
  readonly url: string;
  /** Of the connection. */
  readonly path: string | undefined;
  readonly first: readonly string[];
}

interface WireOptions extends PlainOptions {
  readonly tracker: Tracker;
}

/** A connection that nobody tracks. */
export interface Plain {
  /** The server's own texts. */
  ask(query: Asked): Promise<Texts>;
  send(text: string): Promise<unknown>;
  close(): Promise<unknown>;
}

export interface Wire {
  /** By the wrapper, within a scope. Undefined: what was read is known by its rows alone. */
  read(query: Asked): Promise<Texts | undefined>;
  /** By the wrapper, or past it. */
  send(text: string, isWrapped: boolean): Promise<unknown>;
  /** Of a pool: the place of the connection that read last. */
  readonly last: number;
  close(): Promise<void>;
}

/** The server's own texts. */
const types = { getTypeParser: () => (text: string) => text };

function configOf({ text, parameters }: Asked): pg.QueryArrayConfig {
  return { text, values: [...parameters], rowMode: 'array', types } as unknown as pg.QueryArrayConfig;
}

function configured({ url, path }: PlainOptions): pg.ClientConfig {
  return {
    connectionString: url,
    ...(path !== undefined && { options: `-c search_path=${path.replaceAll(' ', '')}` }),
  };
}

/** Connected as an application's connection is, by the same driver: what it sends for a value is its own matter. */
export async function openPlain(driver: Driver, options: PlainOptions): Promise<Plain> {
  if (driver !== 'postgres.js') return plainClient(await openClient(options));
  const sql = await openPostgresJs(options);
  return {
    ask: async ({ text, parameters }) => {
      const rows: readonly (readonly (Buffer | null)[])[] = await sql.unsafe(text, [...parameters] as never[]).raw();
      return rows.map((row) => row.map((value) => (value === null ? null : value.toString())));
    },
    send: async (text) => sql.unsafe(text),
    close: () => sql.end({ timeout: 1 }),
  };
}

export function plainClient(client: pg.Client): Plain {
  return {
    ask: async (query) => (await client.query(configOf(query))).rows as Texts,
    send: (text) => client.query(text),
    close: () => client.end(),
  };
}

async function openClient(options: PlainOptions): Promise<pg.Client> {
  const client = new pg.Client(configured(options));
  client.on('error', () => undefined);
  await client.connect();
  for (const text of options.first) await client.query(text);
  return client;
}

async function openPostgresJs({ url, path, first }: PlainOptions): Promise<postgres.Sql> {
  const connection = path === undefined ? {} : { search_path: path.replaceAll(' ', '') };
  const sql = postgres(url, { max: 1, connection, onnotice: () => undefined });
  for (const text of first) await sql.unsafe(text);
  return sql;
}

export async function openWire(driver: Driver, options: WireOptions, paths: readonly string[]): Promise<Wire> {
  if (driver === 'client') return clientWire(await openClient(options), options);
  return driver === 'postgres.js' ? postgresJsWire(options) : poolWire(options, paths);
}

function clientWire(raw: pg.Client, { tracker }: WireOptions): Wire {
  const wrapped = tracker.wrap(raw);
  return {
    last: 0,
    read: async (query) => (await wrapped.query(configOf(query))).rows as Texts,
    send: (text, isWrapped) => (isWrapped ? wrapped : raw).query(text),
    close: () => raw.end(),
  };
}

/** `paths`: one for each connection, set when it connects. */
async function poolWire(options: WireOptions, paths: readonly string[]): Promise<Wire> {
  const raw = new pg.Pool({ ...configured(options), max: Math.max(1, paths.length) });
  const places = new Map<object, number>();
  let last = 0;
  raw.on('error', () => undefined);
  raw.on('connect', (client) => {
    client.on('error', () => undefined);
    const place = places.size;
    places.set(client, place);
    const path = paths[place];
    for (const text of path === undefined ? options.first : [`SET search_path = ${path}`]) void client.query(text);
  });
  raw.on('acquire', (client) => {
    last = places.get(client) ?? 0;
  });
  const clients = await Promise.all(Array.from({ length: Math.max(1, paths.length) }, () => raw.connect()));
  for (const client of clients) client.release();
  const wrapped = options.tracker.wrap(raw);
  return {
    get last() {
      return last;
    },
    read: async (query) => (await wrapped.query(configOf(query))).rows as Texts,
    send: (text, isWrapped) => (isWrapped ? wrapped : raw).query(text),
    close: () => raw.end(),
  };
}

async function postgresJsWire(options: WireOptions): Promise<Wire> {
  const { tracker } = options;
  const raw = await openPostgresJs(options);
  const sql = tracker.wrap(raw);
  return {
    last: 0,
    read: async ({ text, parameters }) => {
      await sql.unsafe(text, [...parameters] as never[]);
      return undefined;
    },
    send: async (text, isWrapped) => (isWrapped ? sql : raw).unsafe(text),
    close: () => raw.end({ timeout: 1 }),
  };
}
