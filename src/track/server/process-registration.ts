// One registration on its way from a client to the feed process, and its meaning there.
//
// An instance holds its template, which is large and is known there. So the client sends the template's text and the
// bound values alone; the process puts the values to an analysis of its own, which has to be equal.

import { deserialize, serialize } from 'node:v8';
import type { TableShape } from '../../dependency/change.ts';
import type { ReadMark } from '../../dependency/recent-changes.ts';
import type { Watched } from '../../dependency/registry.ts';
import type { BoundRead, TableRead, Template } from '../../dependency/template.ts';
import type { Session } from '../../sql/ast.ts';
import type { OpenDatabase } from '../contract.ts';
import { anyParameters, wholeTable } from '../scope/coarsen.ts';
import { anyChangeTag, tableTag, templateTag } from '../tags.ts';
import { withLookups } from './process-lookups.ts';
import {
  isBound,
  isCell,
  isCount,
  isKeys,
  isListOf,
  isObject,
  isPredicate,
  isSeenForm,
  isText,
} from './process-shapes.ts';
import { digestOf } from './process-wire.ts';

/** A mark of a client: what it had last heard of the process. */
export interface RemoteMark extends ReadMark {
  readonly session: string;
  readonly generation: number;
}

type Form =
  | { readonly kind: 'source' }
  | { readonly kind: 'table'; readonly table: string }
  | ({ readonly kind: 'template' } & Analysed)
  | StatementForm;

interface Analysed {
  readonly text: string;
  /** The search path of the connection that ran it. */
  readonly path?: readonly string[] | undefined;
  readonly digest: string;
}

interface StatementForm extends Analysed {
  readonly kind: 'statement';
  readonly reads: readonly unknown[];
  /** Parameters of its look-ups, which are run by the process. */
  readonly given?: readonly unknown[] | undefined;
}

export interface Registration {
  readonly tag: string;
  readonly mark: ReadMark;
  readonly generation: number;
  readonly form: Form;
}

/** A client's read. */
export interface Registering {
  readonly tag: string;
  readonly watched: Watched;
  readonly mark: RemoteMark;
  /** Parameters of its look-ups. */
  readonly given?: readonly unknown[] | undefined;
}

export function encodeRegistration(read: Registering): Uint8Array {
  const { position, gaps, seen, generation } = read.mark;
  return serialize({ tag: read.tag, mark: { position, gaps, seen }, generation, form: formOf(read) });
}

function formOf({ watched, given }: Registering): Form {
  if (watched === 'source') return { kind: 'source' };
  const { template, reads } = watched;
  if (template.widened === 'table') return { kind: 'table', table: (reads[0] as BoundRead).read.table.name };
  const stated = { text: template.text, path: template.path, digest: digestOf(template.reads) };
  if (template.widened === 'template') return { kind: 'template', ...stated };
  return {
    kind: 'statement',
    ...stated,
    reads: reads.map(({ predicate, keys, bound }) => ({ predicate, keys, bound })),
    given,
  };
}

/** Returns undefined when it is malformed. */
export function decodeRegistration(bytes: Uint8Array): Registration | undefined {
  const value = deserialized(bytes);
  if (!isObject(value) || !isObject(value.mark) || !isObject(value.form)) return undefined;
  const { tag, mark, generation, form } = value;
  const isMark = isText(mark.position) && isCount(mark.gaps) && isSeenForm(mark.seen);
  return isText(tag) && isMark && isCount(generation) && isForm(form) ? (value as unknown as Registration) : undefined;
}

function isForm(form: Readonly<Record<string, unknown>>): boolean {
  if (form.kind === 'source') return true;
  if (form.kind === 'table') return isText(form.table);
  if (!isText(form.text) || !isText(form.digest)) return false;
  if (form.path !== undefined && !isListOf(form.path, isText)) return false;
  if (form.kind === 'template') return true;
  const isGiven = form.given === undefined || isListOf(form.given, isCell);
  return form.kind === 'statement' && isListOf(form.reads, isObject) && isGiven;
}

/** Returns undefined when the bytes hold no value. */
export function deserialized(bytes: Uint8Array): unknown {
  try {
    return deserialize(bytes);
  } catch {
    return undefined;
  }
}

export interface Knowledge {
  readonly source: string;
  readonly template: (text: string, session?: Session) => Template;
  readonly table: (name: string) => TableShape | undefined;
  readonly lookUp?: OpenDatabase['lookUp'];
}

/** The thing to watch; `unlike` when it was analysed otherwise here, undefined when it is malformed. */
export function watchedOf({ tag, form }: Registration, known: Knowledge): Watched | 'unlike' | undefined {
  const { source } = known;
  if (form.kind === 'source') return tag === anyChangeTag(source) ? 'source' : undefined;
  if (form.kind === 'table') {
    const table = known.table(form.table);
    if (table === undefined) return 'unlike';
    return tag === tableTag(source, table.name) ? wholeTable(source, anyRow(table)) : undefined;
  }
  const { text, path } = form;
  const template = known.template(text, path && { path });
  if (template.kind !== 'tracked' || digestOf(template.reads) !== form.digest) return 'unlike';
  if (form.kind === 'template') return tag === templateTag(template.id) ? anyParameters(template) : undefined;
  if (!/^q[0-9a-z]{1,16}$/.test(tag) || form.reads.length !== template.reads.length) return undefined;
  const reads = template.reads.map((read, at) => boundRead(read, form.reads[at]));
  if (!reads.every((read) => read !== undefined)) return undefined;
  return withLookups({ template, reads }, form.given, known.lookUp);
}

function boundRead(read: TableRead, value: unknown): BoundRead | undefined {
  if (!isObject(value)) return undefined;
  const { predicate, keys, bound } = value;
  if (!isPredicate(predicate, read) || !isKeys(keys) || !isBound(bound, read)) return undefined;
  return { read, predicate, keys, bound };
}

function anyRow(table: TableShape): TableRead {
  const conditions = { predicate: { kind: 'always' }, keyOutputs: undefined, window: undefined } as const;
  return { table, alias: table.name, valueColumns: 'all', ...conditions };
}
