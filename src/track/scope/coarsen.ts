// Fits a response's dependencies into a budget of tags: fewer and wider tags, never fewer dependencies.
//
// A wider tag has to be registered as well, and as of the earliest of the reads that it stands for: a change since then
// may have been meant.

import type { TableShape } from '../../dependency/change.ts';
import { gatherColumns, type Predicate } from '../../dependency/condition/predicate.ts';
import type { DependencyLevel } from '../../dependency/describe/describe.ts';
import type { BoundRead, Instance, TableRead, Template } from '../../dependency/template.ts';
import type { Mark, Read } from '../follow/registry-client.ts';
import { anyChangeTag, tableTag, templateTag } from '../tags.ts';

export interface Dependency {
  readonly watched: Read;
  readonly mark: Mark;
}

export interface Budget {
  readonly maxTags: number;
  /** Length of the tags with a comma and a space between them. */
  readonly maxBytes: number;
}

type ByTag = ReadonlyMap<string, Dependency>;

/** Dependencies by tag. Tags other than the row's own are not registered yet. */
export function coarsen(source: string, rows: ByTag, budget: Budget): { level: DependencyLevel; dependencies: ByTag } {
  if (fits(rows, budget)) return { level: 'row', dependencies: rows };
  const templates = byTemplate(rows);
  if (fits(templates, budget)) return { level: 'template', dependencies: templates };
  const tables = byTable(source, rows);
  if (fits(tables, budget)) return { level: 'table', dependencies: tables };
  return { level: 'source', dependencies: widened(rows, () => [[anyChangeTag(source), 'source']]) };
}

function fits(dependencies: ByTag, { maxTags, maxBytes }: Budget): boolean {
  if (dependencies.size > maxTags) return false;
  let bytes = 0;
  for (const tag of dependencies.keys()) bytes += tag.length + 2;
  return bytes <= maxBytes;
}

/** A statement that was run once keeps its tag. */
function byTemplate(rows: ByTag): ByTag {
  const counts = new Map<string, number>();
  for (const { watched } of rows.values()) {
    if (watched !== 'source') counts.set(watched.template.id, (counts.get(watched.template.id) ?? 0) + 1);
  }
  return widened(rows, (tag, watched) => {
    const isMany = watched !== 'source' && (counts.get(watched.template.id) ?? 0) > 1;
    return isMany ? [[templateTag(watched.template.id), anyParameters(watched.template)]] : [[tag, watched]];
  });
}

function byTable(source: string, rows: ByTag): ByTag {
  return widened(rows, (tag, watched) => {
    if (watched === 'source') return [[tag, watched]];
    return watched.template.reads.map((read) => [tableTag(source, read.table.name), wholeTable(source, read)]);
  });
}

/** `wider`: what stands for one of them. */
function widened(rows: ByTag, wider: (tag: string, watched: Read) => readonly (readonly [string, Read])[]): ByTag {
  const found = new Map<string, Dependency>();
  for (const [tag, { watched, mark }] of rows) {
    for (const [wide, read] of wider(tag, watched)) addDependency(found, wide, { watched: read, mark });
  }
  return found;
}

export function addDependency(to: Map<string, Dependency>, tag: string, { watched, mark }: Dependency): void {
  const known = to.get(tag);
  to.set(tag, { watched, mark: known === undefined ? mark : earlier(known.mark, mark) });
}

/** Of reads in two lives of the registry. No life has this name, so nothing with it is registered or stored. */
const NO_SESSION = '';

/** The mark for both reads: every change that either of them may have missed comes after it. */
function earlier(one: Mark, other: Mark): Mark {
  if (one.session !== other.session) return { ...one, session: NO_SESSION, seen: undefined };
  const first = one.gaps !== other.gaps ? one.gaps < other.gaps : one.position <= other.position;
  return { ...(first ? one : other), seen: one.seen === other.seen ? one.seen : undefined };
}

type Tracked = Extract<Template, { kind: 'tracked' }>;

const ofAnyParameters = new WeakMap<Tracked, Instance>();

/**
 * The statement with any parameters. Columns of its conditions count as values, because nobody checks which rows
 * satisfy them.
 */
export function anyParameters(template: Tracked): Instance {
  const known = ofAnyParameters.get(template);
  if (known !== undefined) return known;
  const reads = template.reads.map((read) => unconditional(read, valuesOf(read)));
  const instance: Instance = { template: { ...template, id: templateTag(template.id), widened: 'template' }, reads };
  ofAnyParameters.set(template, instance);
  return instance;
}

const wholes = new WeakMap<TableShape, Instance>();

/** The shape of a table belongs to one source. */
export function wholeTable(source: string, read: Pick<TableRead, 'table' | 'alias'>): Instance {
  const known = wholes.get(read.table);
  if (known !== undefined) return known;
  const whole = unconditional(read, 'all');
  const about = { id: tableTag(source, read.table.name), text: '', output: [], fallbacks: [], reads: [whole.read] };
  const instance: Instance = { template: { kind: 'tracked', ...about, widened: 'table' }, reads: [whole] };
  wholes.set(read.table, instance);
  return instance;
}

function unconditional(
  { table, alias }: Pick<TableRead, 'table' | 'alias'>,
  valueColumns: TableRead['valueColumns'],
): BoundRead {
  const predicate: Predicate = { kind: 'always' };
  const read: TableRead = { table, alias, predicate, valueColumns, keyOutputs: undefined, window: undefined };
  return { read, predicate, keys: undefined, bound: undefined };
}

function valuesOf({ valueColumns, predicate, window }: TableRead): TableRead['valueColumns'] {
  if (valueColumns === 'all') return 'all';
  const columns = new Set(valueColumns);
  gatherColumns(predicate, columns);
  for (const { column } of window?.order ?? []) columns.add(column);
  return [...columns].sort((one, other) => one - other);
}
