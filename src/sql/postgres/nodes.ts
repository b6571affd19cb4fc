// Takes apart the tree that PostgreSQL's own parser gives as JSON.
//
// A node that may be of several kinds is wrapped in an object with its kind as the only key; a node of a known kind is
// not. The tree leaves out fields that are zero, false or empty.

import type { Callee } from '../ast.ts';
import { SYSTEM } from '../catalogue.ts';

/** A node's fields, or a node with its kind around it. */
export interface Tree {
  readonly [field: string]: unknown;
}

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Fields of a node; none if it is not there. */
export function treeOf(value: unknown): Tree {
  return isTree(value) ? value : {};
}

/** All fields of a tree, however deep, each before what it holds. */
export function* fieldsIn(value: unknown): Generator<readonly [name: string, field: unknown]> {
  if (Array.isArray(value)) for (const item of value) yield* fieldsIn(item);
  else
    for (const entry of Object.entries(treeOf(value))) {
      yield entry;
      yield* fieldsIn(entry[1]);
    }
}

/** The fields of each node of a list, all of this kind. */
export function treesIn(value: unknown, kind: string): Tree[] {
  return listOf(value).map((item) => treeOf(fieldsIf(item, kind)));
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Kind and fields of a wrapped node. */
export function nodeOf(value: unknown): { readonly kind: string; readonly fields: Tree } {
  const [entry] = Object.entries(treeOf(value));
  return { kind: entry?.[0] ?? '', fields: treeOf(entry?.[1]) };
}

/** Fields of a wrapped node if it is of this kind. */
export function fieldsIf(value: unknown, kind: string): Tree | undefined {
  const node = nodeOf(value);
  return node.kind === kind ? node.fields : undefined;
}

/** A list of names: of columns, of the parts of a qualified name. */
export function namesOf(value: unknown): string[] {
  return listOf(value).flatMap((item) => textOf(fieldsIf(item, 'String')?.sval) ?? []);
}

/** The name as written; system names are without a schema, and a name that is no word is in quotes. */
export function qualifiedName(value: unknown): string {
  const names = namesOf(value).map((name) => (/^[^\w"]+$|^[\w$]+$/.test(name) ? name : JSON.stringify(name)));
  return (names[0] === SYSTEM ? names.slice(1) : names).join('.');
}

/** A name of a function, an operator or a type. */
export function calleeOf(kind: Callee['kind'], value: unknown): Callee {
  const names = namesOf(value);
  return { kind, schema: names.at(-2), name: names.at(-1) ?? '' };
}
