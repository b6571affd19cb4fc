// What a statement of ast.ts names: tables and columns, found by walking all of it, whatever its shape. What a catalogue
// gave, or why not.

import type { Callee, Relation, Select, Statement } from '../../src/sql/ast.ts';

export interface Named {
  /** As written, with the schema if there is one; not the common tables. */
  readonly tables: ReadonlySet<string>;
  readonly columns: ReadonlySet<string>;
  /** A star, NATURAL or a whole row: any column of its tables. */
  readonly hasStar: boolean;
  readonly kinds: ReadonlySet<string>;
  readonly reasons: ReadonlySet<string>;
  readonly parameters: ReadonlySet<number>;
  readonly functions: ReadonlySet<string>;
}

interface Found {
  tables: Set<string>;
  columns: Set<string>;
  hasStar: boolean;
  kinds: Set<string>;
  reasons: Set<string>;
  parameters: Set<number>;
  functions: Set<string>;
}

type Fields = Readonly<Record<string, unknown>>;

export function namedIn(statement: Statement): Named {
  const found: Found = {
    tables: new Set(),
    columns: new Set(),
    hasStar: false,
    kinds: new Set(),
    reasons: new Set(),
    parameters: new Set(),
    functions: new Set(),
  };
  walk(statement, new Set(), found);
  return found;
}

function walk(value: unknown, common: ReadonlySet<string>, found: Found): void {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  if (Array.isArray(value)) {
    for (const item of value) walk(item, common, found);
    return;
  }
  const fields = value as Fields;
  note(fields, common, found);
  const inner =
    'with' in fields ? new Set([...common, ...(value as Select).with.map(({ name }) => name.toLowerCase())]) : common;
  for (const child of Object.values(fields)) walk(child, inner, found);
}

function note(fields: Fields, common: ReadonlySet<string>, found: Found): void {
  const { kind, name, schema, using } = fields;
  if (typeof kind === 'string') found.kinds.add(kind);
  if (kind === 'star' || using === 'natural' || name === '*') found.hasStar = true;
  if (kind === 'column') found.columns.add(String(name).toLowerCase());
  if (Array.isArray(using)) for (const column of using) found.columns.add(String(column).toLowerCase());
  if (kind === 'parameter') found.parameters.add(Number(fields.index));
  if (kind === 'opaque') {
    found.reasons.add(String(fields.reason));
    for (const callee of fields.callees as Callee[]) if (callee.kind !== 'type') found.functions.add(callee.name);
  }
  if (kind === 'call' || kind === 'function') found.functions.add(String(name));
  if (kind !== 'table') return;
  const table = String(name).toLowerCase();
  if (schema !== undefined) found.tables.add(`${String(schema)}.${table}`);
  else if (!common.has(table)) found.tables.add(table);
}

export function tableOf(relation: Relation | null) {
  if (relation?.kind !== 'table') throw new Error(`expected a table, got ${JSON.stringify(relation)}`);
  return relation.table;
}

export const whatOf = (relation: Relation | null) => (relation?.kind === 'unseen' ? relation.what : relation?.kind);
