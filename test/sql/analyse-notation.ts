// A small database, and templates in one line a read, so that a test says what it expects in the terms of SQL.

import { DatabaseSync } from 'node:sqlite';
import type { GivenTest, Operand, Predicate } from '../../src/dependency/condition/predicate.ts';
import type { Count, TableRead, Template } from '../../src/dependency/template.ts';
import { analyse } from '../../src/sql/analyse.ts';
import { readSqliteCatalogue } from '../../src/sql/sqlite/catalogue.ts';
import { createSqliteParser } from '../../src/sql/sqlite/parser.ts';

const db = new DatabaseSync(':memory:');
db.exec(`
  CREATE TABLE a (id INTEGER PRIMARY KEY, x INTEGER, y TEXT COLLATE NOCASE, k TEXT);
  CREATE TABLE b (id INTEGER PRIMARY KEY, a_id INTEGER, u INTEGER, v TEXT);
  CREATE TABLE c (id INTEGER PRIMARY KEY, b_id INTEGER, w INTEGER);
  CREATE TABLE n (x INTEGER, y TEXT);
  CREATE TABLE pair (p INTEGER NOT NULL, q TEXT NOT NULL, r TEXT, PRIMARY KEY (p, q));
  CREATE VIEW few AS SELECT id, x AS size FROM a WHERE k = 'f';
  CREATE VIEW nested AS SELECT id AS few_id FROM few WHERE size > 3;
  CREATE VIEW sums AS SELECT a_id, sum(u) AS total FROM b GROUP BY a_id;
  CREATE TEMP TABLE scratch (x);
`);
const all = (sql: string, parameters: readonly unknown[] = []) =>
  db.prepare(sql).all(...(parameters as never[])) as never;
export const parts = { dialect: 'sqlite', parser: createSqliteParser(), catalogue: readSqliteCatalogue(all) } as const;
export const reads = (sql: string) => notation(analyse(sql, parts));
/** `alias: predicate | values x,y | keys 0 | window x>0 limit 10`; `-` where there is none. */
export function notation(template: Template): string[] | string {
  switch (template.kind) {
    case 'tracked':
      return template.reads.map(readText);
    case 'uncacheable':
      return `${template.unknown ?? 'uncacheable'}: ${template.reason}`;
    case 'write':
      return `write: ${template.tables?.join(' ') ?? 'any'}`;
  }
}

function readText(read: TableRead): string {
  const name = (column: number) => read.table.columns[column]!.name;
  const values = read.valueColumns === 'all' ? 'all' : read.valueColumns.map(name).join(',') || '-';
  const parts = [`${read.alias}: ${predicateText(read.predicate, name)}`, values, read.keyOutputs?.join(',') ?? '-'];
  const { window } = read;
  if (window !== undefined) {
    const order = window.order.map(
      (term) =>
        `${name(term.column)}@${term.output}${term.isDescending ? ' desc' : ''}${term.nullsFirst ? ' nulls first' : ''}`,
    );
    parts.push(`${order.join(', ')} limit ${countText(window.limit)} offset ${countText(window.offset)}`);
  }
  return parts.join(' | ');
}

function predicateText(predicate: Predicate, name: (column: number) => string): string {
  const inner = (part: Predicate) => predicateText(part, name);
  switch (predicate.kind) {
    case 'always':
      return 'always';
    case 'never':
      return predicate.truth;
    case 'given':
      return givenText(predicate.test);
    case 'and':
    case 'or':
      return `(${predicate.parts.map(inner).join(` ${predicate.kind} `)})`;
    case 'not':
      return `not ${inner(predicate.part)}`;
    case 'compare':
      return `${name(predicate.column)} ${predicate.operator} ${operandText(predicate.operand)}`;
    case 'in':
      return `${name(predicate.column)} in [${predicate.operands.map(operandText).join(' ')}]`;
    case 'is-null':
      return `${name(predicate.column)} is null`;
    case 'like':
      return `${name(predicate.column)} ${predicate.foldsCase ? 'ilike' : 'like'} ${operandText(predicate.pattern)}`;
    case 'columns':
      return `${name(predicate.left)} ${predicate.operator} ${name(predicate.right)}`;
    case 'maybe':
      return `maybe(${predicate.columns.map(name).join(',')})`;
  }
}

function operandText(operand: Operand): string {
  if (operand.kind === 'parameter') return `$${operand.index + 1}`;
  if (operand.kind === 'lookup') return `@${operand.index}`;
  if (operand.kind === 'list') return `${operand.form}($${operand.index + 1})`;
  return operand.kind === 'result' ? `#${operand.column}` : String(operand.value);
}

function givenText(test: GivenTest): string {
  if (test.kind === 'is-null') return `${operandText(test.operand)} is null`;
  if (test.kind === 'flag') return operandText(test.operand);
  const sign = `${test.isText ? 'text ' : ''}${test.kind === 'equal' ? '=' : 'is'}`;
  return `${operandText(test.left)} ${sign} ${operandText(test.right)}`;
}

function countText(count: Count | undefined): string {
  if (count === undefined) return '-';
  return count.kind === 'value' ? String(count.value) : `$${count.index + 1}`;
}
