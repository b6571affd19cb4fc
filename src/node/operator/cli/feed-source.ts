// The database of a command `tidegate feed`: from flags, the configuration or the environment, in that order.
//
// A connection string may hold a password. No text and no error shows it.

import { relative } from 'node:path';
import { hint } from '../../../options/names.ts';
import { loadDatabases } from '../../config/config.ts';
import type { DatabaseOutput } from '../../config/config-schema.ts';
import { sourceName } from '../../config/config-values.ts';
import { type Call, type Texts, UsageError } from './commands.ts';

export interface FeedFlags extends Texts<'config' | 'source' | 'sqlite' | 'postgres' | 'slot' | 'publication'> {
  readonly json?: true;
  readonly dryRun?: true;
  readonly identity?: 'full' | 'key';
  readonly triggerLog?: true;
  readonly tables?: readonly string[];
}

export interface RunFlags extends FeedFlags {
  readonly gate?: readonly string[];
  readonly gateToken?: string;
  readonly install?: true;
  readonly host: string;
  readonly port: number;
  readonly token?: string;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

export interface SqliteSource {
  readonly kind: 'sqlite';
  readonly name: string | undefined;
  readonly path: string;
  readonly shown: string;
  readonly tables: 'all' | readonly string[];
}

export interface PostgresSource {
  readonly kind: 'postgres';
  readonly name: string | undefined;
  readonly connection: string;
  /** Without the password. */
  readonly shown: string;
  readonly mode: 'replication' | 'triggers';
  readonly slot: string;
  readonly publication: string;
  readonly identity: 'full' | 'key';
  readonly tables: 'all' | readonly { readonly schema: string; readonly name: string }[];
}

export type FeedSource = SqliteSource | PostgresSource;

/** Rejects with E_CONFIG when the configuration is wrong, with a UsageError for a wrong command line. */
export async function sourceOf({ argument, options: flags }: Call<FeedFlags>): Promise<FeedSource> {
  checkFlags(argument, flags);
  const { name, database } = await configured(argument ?? flags.source, flags);
  if (flags.sqlite !== undefined || (flags.postgres === undefined && database?.sqlite !== undefined)) {
    return sqliteSource({ name, database }, flags);
  }
  return postgresSource({ name, database }, flags);
}

function checkFlags(argument: string | undefined, flags: FeedFlags): void {
  const { source, sqlite, postgres } = flags;
  if (argument !== undefined && source !== undefined && argument !== source) {
    throw new UsageError('one source', `${argument} and --source ${source}`);
  }
  if (sqlite !== undefined && postgres !== undefined) throw new UsageError('--sqlite or --postgres', 'both');
  const replication = replicationFlags(flags);
  if (flags.triggerLog === true && replication.length > 0) {
    throw new UsageError('--trigger-log or what logical replication needs', `it with ${replication.join(', ')}`);
  }
  const name = argument ?? source;
  if (name !== undefined && !sourceName.isMeant(name)) {
    throw new UsageError('a name of 1 to 64 of a-z, 0-9, - and _ as source', JSON.stringify(name));
  }
}

interface Configured {
  readonly name: string | undefined;
  readonly database: DatabaseOutput | undefined;
}

async function configured(asked: string | undefined, flags: FeedFlags): Promise<Configured> {
  const isGiven = flags.sqlite !== undefined || flags.postgres !== undefined;
  if (isGiven && asked === undefined && flags.config === undefined) return { name: undefined, database: undefined };
  const databases = (await loadDatabases({ file: flags.config, cwd: process.cwd() })) ?? {};
  const names = Object.keys(databases);
  const what = `one of the sources ${names.join(', ')}`;
  if (!isGiven && asked === undefined && names.length > 1) throw new UsageError(what, 'none');
  const name = isGiven ? asked : (asked ?? names[0]);
  const database = name !== undefined && Object.hasOwn(databases, name) ? databases[name] : undefined;
  if (!isGiven && name !== undefined && database === undefined && names.length > 0) {
    throw new UsageError(what, name + hint(name, names));
  }
  return { name, database };
}

function sqliteSource({ name, database }: Configured, flags: FeedFlags): SqliteSource {
  const ofPostgres = [...replicationFlags(flags), ...(flags.triggerLog === true ? ['--trigger-log'] : [])];
  if (ofPostgres.length > 0) {
    throw new UsageError(`a database of PostgreSQL with ${ofPostgres.join(', ')}`, 'one of SQLite');
  }
  const path = flags.sqlite ?? (database?.sqlite as string);
  const shorter = relative(process.cwd(), path);
  const shown = flags.sqlite ?? (shorter.startsWith('..') ? path : shorter);
  return { kind: 'sqlite', name, path, shown, tables: flags.tables ?? database?.tables ?? 'all' };
}

function postgresSource({ name, database }: Configured, flags: FeedFlags): PostgresSource {
  const settings = database?.postgres;
  const connection = flags.postgres ?? settings?.connection ?? (process.env.TIDEGATE_POSTGRES || undefined);
  if (connection === undefined) {
    const where = '--sqlite FILE, --postgres CONNECTION, TIDEGATE_POSTGRES or a source of the configuration';
    throw new UsageError(where, 'none');
  }
  const mode = replicationFlags(flags).length > 0 ? 'replication' : (settings?.mode ?? 'replication');
  const ofName = name === undefined ? 'tidegate' : `tidegate_${name.replaceAll('-', '_')}`;
  const slot = flags.slot ?? settings?.slot ?? ofName.slice(0, SLOT_CHARS);
  return {
    kind: 'postgres',
    name,
    connection,
    shown: shownConnection(connection),
    mode: flags.triggerLog === true ? 'triggers' : mode,
    slot,
    publication: flags.publication ?? settings?.publication ?? slot,
    identity: flags.identity ?? settings?.identity ?? 'full',
    tables: (flags.tables ?? database?.tables)?.map(qualified) ?? 'all',
  };
}

/** Flags that only logical replication has a use for, as they were written. */
function replicationFlags(flags: FeedFlags): string[] {
  const names = (['slot', 'publication', 'identity'] as const).filter((name) => flags[name] !== undefined);
  return names.map((name) => `--${name}`);
}

const SLOT_CHARS = 63;

function qualified(table: string): { readonly schema: string; readonly name: string } {
  const dot = table.indexOf('.');
  return dot < 0 ? { schema: 'public', name: table } : { schema: table.slice(0, dot), name: table.slice(dot + 1) };
}

/** `user@host:5432/database`. */
function shownConnection(connection: string): string {
  const url = parsed(connection);
  if (url === null) return 'the database';
  const user = url.username === '' ? '' : `${url.username}@`;
  return `${user}${url.host}${url.pathname}`;
}

/** A connection by a socket names no host. */
function parsed(connection: string): URL | null {
  return URL.parse(connection) ?? URL.parse(connection.replace('@/', '@socket/'));
}

const HIDDEN = '(not shown)';

/**
 * Removes the password from the text: inside connection strings, and elsewhere as a whole word. A password of
 * lower-case letters alone may also be an ordinary word; elsewhere it then stays.
 */
export function withoutPassword(text: string, connection: string): string {
  const url = parsed(connection);
  const passwords = [url?.password, url?.searchParams.get('password')];
  const secrets = new Set([...passwords, ...passwords.map((password) => decoded(password ?? undefined))]);
  const names = new Set([url?.username, decoded(url?.username), url?.hostname, url?.port, url?.pathname.slice(1)]);
  let shown = text.replaceAll(connection, HIDDEN);
  for (const secret of secrets) {
    if (!secret) continue;
    const escaped = secret.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
    shown = shown.replaceAll(`:${secret}@`, `:${HIDDEN}@`);
    shown = shown.replace(new RegExp(`(password["']?\\s*[:=]\\s*["']?)${escaped}`, 'gi'), `$1${HIDDEN}`);
    if (names.has(secret) || /^[a-z]+$/.test(secret)) continue;
    shown = shown.replace(new RegExp(`(?<![\\w])${escaped}(?![\\w])`, 'g'), HIDDEN);
  }
  return shown;
}

function decoded(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text);
  } catch {
    // The text is no valid URL encoding, so nobody decodes it.
    return undefined;
  }
}
