// The messages between a feed process and its clients. A client listens to lines of JSON on one long answer, and sends
// reports of what was read in the form of node:v8, since values of databases have none in JSON.
//
// Both sides analyse a statement, and a response's tags depend on the client's analysis. So a registration carries a
// digest of it, and the two sides are of one version. What another process sends may be anything: a value that no driver
// gives is unknown, and a form that no client sends is refused.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import type { FeedPosition, Scalar } from '../../dependency/change.ts';
import { ServerText } from '../../dependency/condition/cells.ts';
import type { Seen } from '../../dependency/recent-changes.ts';
import type { Dialect, TableRead } from '../../dependency/template.ts';
import { isRecord } from '../../options/kit.ts';
import type { FeedStatus } from '../../ports.ts';
import type { CatalogueData } from '../../sql/ast.ts';
import type { SourceMessage } from '../contract.ts';
import type { Mark, Read, ReadRefusal, RegistryClient } from '../follow/registry-client.ts';
import { anyParameters, wholeTable } from '../scope/coarsen.ts';
import { anyChangeTag, tableTag, templateTag } from '../tags.ts';

/** Differs where either side would misunderstand the other. */
export const PROTOCOL = 3;
/** Content type of reports; a browser does not send it to another site without asking. */
export const REPORT_TYPE = 'application/x-tidegate-report';
export const MAX_REPORT_BYTES = 16 * 1024 * 1024;

/** A line of the stream. */
export type Line =
  | Hello
  /** `data` is undefined when it has not changed. */
  | { readonly kind: 'catalogue'; readonly generation: number; readonly data?: CatalogueData | undefined }
  | ({ readonly kind: 'state' } & FeedState)
  /** `heard`: the last one of this stream that the client has said it delivered; 0: none. */
  | { readonly kind: 'deliver'; readonly id: number; readonly heard: number; readonly message: SourceMessage };

export interface Hello {
  readonly kind: 'hello';
  readonly protocol: number;
  readonly version: string | undefined;
  readonly source: string;
  /** Id of the process's life. */
  readonly session: string;
  /** Id of this answer. */
  readonly stream: string;
  readonly dialect: Dialect;
  readonly pureFunctions: readonly string[];
  readonly leaseMs: number;
}

export interface FeedState {
  readonly session: string;
  /** Rises with each state. */
  readonly turn: number;
  readonly isLive: boolean;
  readonly isRefreshing: boolean;
  readonly generation: number;
  readonly position: FeedPosition;
  readonly gaps: number;
  readonly instances: number;
  readonly feed: FeedStatus;
}

/** A client's report. */
export interface Report {
  readonly stream: string;
  /** Each by itself: `encodeRegistration`. */
  readonly registrations: readonly Uint8Array[];
  /** Own tags of responses that read more than they say. */
  readonly outdated: readonly string[];
  readonly delivered: readonly { readonly id: number; readonly isDone: boolean }[];
  /** Something was written. */
  readonly hasWritten: boolean;
}

/** Sent as JSON. Once the reply is there, the reads are registered. */
export interface ReportReply {
  readonly state: FeedState;
  /** One entry per registration, in order; null when it is registered. */
  readonly refused: readonly (ReadRefusal | null)[];
}

export interface SettledReply {
  readonly isSettled: boolean;
  readonly state: FeedState;
}

export interface LatestReply {
  readonly position?: FeedPosition | undefined;
}

/** Of analyses. */
const digests = new WeakMap<readonly TableRead[], string>();

function digestOf(reads: readonly TableRead[]): string {
  const known = digests.get(reads);
  if (known !== undefined) return known;
  const text = JSON.stringify(reads, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
  const digest = createHash('sha256').update(text).digest('base64url').slice(0, 22);
  digests.set(reads, digest);
  return digest;
}

/** Version of the package; undefined where its files were put into another one. */
export function packageVersion(): string | undefined {
  try {
    const file = new URL(import.meta.resolve('tidegate/package.json'));
    return (JSON.parse(readFileSync(file, 'utf8')) as { readonly version?: string }).version;
  } catch {
    return undefined;
  }
}

interface Analysed {
  readonly text: string;
  /** The search path of the connection that ran it. */
  readonly path?: readonly string[] | undefined;
  readonly digest: string;
}

/** `rows`: facts of the statement's answer, each row by the ordinals of its columns. */
type Form =
  | { readonly kind: 'source' }
  | { readonly kind: 'table'; readonly table: string }
  | ({ readonly kind: 'template' } & Analysed)
  | ({ readonly kind: 'statement'; readonly parameters: List; readonly rows: readonly List[] | undefined } & Analysed);

type List = readonly unknown[];

export interface Registration {
  readonly tag: string;
  readonly mark: Mark;
  readonly form: Form;
}

export function encodeRegistration(tag: string, read: Read, mark: Mark): Uint8Array {
  return serialize({ tag, mark: { ...mark }, form: formOf(read) } satisfies Registration);
}

function formOf(read: Read): Form {
  if (read === 'source') return { kind: 'source' };
  const { template } = read;
  if (template.widened === 'table') return { kind: 'table', table: (template.reads[0] as TableRead).table.name };
  const analysed = { text: template.text, path: template.path, digest: digestOf(template.reads) };
  if (!('parameters' in read)) return { kind: 'template', ...analysed };
  return { kind: 'statement', ...analysed, parameters: read.parameters, rows: read.result?.rows };
}

/** Returns undefined when it is malformed. */
export function decodeRegistration(bytes: Uint8Array): Registration | undefined {
  const value = deserialized(bytes);
  if (!isRecord(value) || typeof value.tag !== 'string' || !isMark(value.mark) || !isRecord(value.form))
    return undefined;
  const form = formFrom(value.form, bytes.length);
  return form && { tag: value.tag, mark: value.mark, form };
}

/** Returns undefined when the bytes hold no value. */
export function deserialized(bytes: Uint8Array): unknown {
  try {
    return deserialize(bytes);
  } catch {
    return undefined;
  }
}

function formFrom(given: Readonly<Record<string, unknown>>, bytes: number): Form | undefined {
  const { kind, table, text, path, digest } = given;
  if (kind === 'source') return { kind };
  if (kind === 'table') return isText(table) ? { kind, table } : undefined;
  if (!isText(text) || !isText(digest) || !(path === undefined || isListOf(path, isText))) return undefined;
  const analysed = { text, path, digest };
  if (kind === 'template') return { kind, ...analysed };
  // A few objects can name each other very often: no more values are taken than there are bytes.
  let left = bytes;
  const listFrom = <T>(list: unknown, one: (value: unknown) => T): readonly T[] | undefined => {
    if (!Array.isArray(list)) return undefined;
    // An empty list may claim any length.
    left -= list.length;
    return left < 0 ? undefined : Array.from(list as List, one);
  };
  const parameters = listFrom(given.parameters, (value) => {
    // An array of the database.
    if (Array.isArray(value)) return listFrom(value, (one) => (isScalar(one) ? one : undefined));
    return isScalar(value) || value instanceof Date ? value : undefined;
  });
  const cellsOf = (row: unknown) =>
    listFrom(row, (cell) => {
      if (isRecord(cell) && isText(cell.text)) return new ServerText(cell.text);
      return isScalar(cell) ? cell : undefined;
    });
  const rows = given.rows === undefined ? undefined : listFrom(given.rows, cellsOf);
  const isWhole = parameters !== undefined && (rows?.every((row) => row !== undefined) ?? given.rows === undefined);
  if (kind !== 'statement' || !isWhole || left < 0) return undefined;
  return { kind, ...analysed, parameters, rows: rows as readonly List[] | undefined };
}

function isScalar(value: unknown): value is Scalar {
  return value === null || /^(?:number|bigint|string|boolean)$/.test(typeof value) || value instanceof Uint8Array;
}

/** The most entries of any list; an empty one may claim any length. */
const MAX_LIST = 1_000_000;

export function isListOf<T>(value: unknown, isOne: (one: unknown) => one is T): value is readonly T[] {
  if (!Array.isArray(value) || value.length > MAX_LIST) return false;
  // `every` skips holes.
  for (let at = 0; at < value.length; at++) if (!(at in value && isOne(value[at]))) return false;
  return true;
}

export function isText(value: unknown): value is string {
  return typeof value === 'string';
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isMark(mark: unknown): mark is Mark {
  if (!isRecord(mark) || !isText(mark.session) || !isText(mark.position) || !isSeen(mark.seen)) return false;
  return isCount(mark.gaps) && isCount(mark.generation);
}

function isSeen(value: unknown): value is Seen | undefined {
  if (value === undefined) return true;
  if (!isRecord(value)) return false;
  const { kind, position, below, running } = value;
  if (kind === 'up-to') return isText(position);
  const isSet = running instanceof Set && [...running].every((one) => typeof one === 'bigint');
  return kind === 'snapshot' && typeof below === 'bigint' && isSet;
}

/** The read as the process knows it; `unlike` when it was analysed otherwise here, undefined when it is malformed. */
export function readFrom(
  { tag, form }: Registration,
  source: string,
  registry: Pick<RegistryClient, 'template' | 'catalogue'>,
): Read | 'unlike' | undefined {
  if (form.kind === 'source') return tag === anyChangeTag(source) ? 'source' : undefined;
  if (form.kind === 'table') {
    const relations = registry.catalogue?.data?.relations ?? [];
    const tables = relations.flatMap(({ relation }) => (relation.kind === 'table' ? [relation.table] : []));
    const table = tables.find(({ name }) => name === form.table);
    if (table === undefined) return 'unlike';
    return tag === tableTag(source, table.name) ? wholeTable(source, { table, alias: table.name }) : undefined;
  }
  const { text, path, digest } = form;
  const template = registry.template(text, path && { path });
  if (template.kind !== 'tracked' || digestOf(template.reads) !== digest) return 'unlike';
  if (form.kind === 'template') return tag === templateTag(template.id) ? anyParameters(template) : undefined;
  if (!/^q[0-9a-z]{1,16}$/.test(tag)) return undefined;
  return { template, parameters: form.parameters, result: form.rows && { rows: form.rows } };
}
