// Tags as coarser caches have them: of the tables that a query reads, or of the values of columns that it asks for.
//
// Which equalities a query has is taken from our own analysis, joins and subselects included, so
// that the coarser cache is as good as its kind can be: only what it does with them is coarser.

import { bindInstance } from '../../src/dependency/bind.ts';
import type { Change, Row, TableShape } from '../../src/dependency/change.ts';
import type { Predicate } from '../../src/dependency/condition/predicate.ts';
import type { Answered } from './database.ts';

export function tableTags({ template }: Answered): string[] {
  return template.reads.map(({ table }) => table.name);
}

/** `keyed`: by table, the columns that any tag is of; added to here. */
export function queryTags({ template, parameters, rows }: Answered, keyed: Map<string, Set<number>>): string[] {
  return bindInstance(template, parameters, { rows }).reads.flatMap(({ read: { table }, predicate }) => {
    const key = equalityOf(predicate);
    if (key === undefined) return [table.name];
    const columns = keyed.get(table.name) ?? new Set();
    keyed.set(table.name, columns.add(key.column));
    return key.values.map((value) => keyTag(table, key.column, value));
  });
}

/** Of both images of each row that changed, and of their tables. */
export function changedTags(changes: readonly Change[], keyed: ReadonlyMap<string, ReadonlySet<number>>): Set<string> {
  const tags = new Set<string>();
  for (const change of changes) {
    const { table } = change;
    tags.add(table.name);
    const images: (Row | undefined)[] = [];
    if (change.kind === 'insert' || change.kind === 'update') images.push(change.new);
    if (change.kind === 'delete' || change.kind === 'update') images.push(change.old);
    for (const column of keyed.get(table.name) ?? []) {
      for (const image of images) tags.add(keyTag(table, column, image?.[column]));
    }
  }
  return tags;
}

function keyTag({ name }: TableShape, column: number, value: unknown): string {
  return `${name}:${column}=${String(value)}`;
}

interface Key {
  readonly column: number;
  readonly values: readonly unknown[];
}

/** The narrowest of the equalities that all rows must satisfy. */
export function equalityOf(predicate: Predicate): Key | undefined {
  const parts = predicate.kind === 'and' ? predicate.parts : [predicate];
  const keys = parts.flatMap((part): Key[] => {
    if (part.kind === 'and') return [equalityOf(part)].filter((key) => key !== undefined);
    if (part.kind !== 'in' && !(part.kind === 'compare' && part.operator === '=')) return [];
    const operands = part.kind === 'in' ? part.operands : [part.operand];
    return [
      { column: part.column, values: operands.map((operand) => (operand.kind === 'value' ? operand.value : null)) },
    ];
  });
  return keys.sort((one, other) => one.values.length - other.values.length)[0];
}
