// Tables that a statement reads, or may read, though their changes are not told: what is read from them must not be stored.
//
// The one complication: a statement of which nothing is known but the database. It may read any table there is, so all of
// them have to be told of; and one that names a table unknown here reads another database than the one that is followed,
// or a table that is newer than the catalogue.

import type { Template } from '../dependency/template.ts';
import { FOREIGN_NAME } from '../feed/sqlite-facts.ts';
import type { Catalogue } from '../sql/ast.ts';

export type Asking =
  | Extract<Template, { kind: 'tracked' }>
  | Pick<Extract<Template, { kind: 'source' }>, 'kind' | 'reason'>;

export interface Coverage {
  readonly covers: (table: string) => boolean;
  readonly catalogue: Catalogue;
}

/** Of a statement of another process: what it names was looked at there. */
export const ANY_STATEMENT: Asking = { kind: 'source', reason: { fallback: 'unparsed', what: 'a statement' } };

/** The name of such a table; undefined: there is none. */
export function uncoveredBy(reading: Asking, { covers, catalogue }: Coverage): string | undefined {
  if (reading.kind === 'tracked') return reading.reads.find(({ table }) => !covers(table.name))?.table.name;
  return unknownTo(reading) ?? uncoveredIn(catalogue, covers);
}

/** A table that the statement names and the catalogue does not know. */
export function unknownTo(reading: Asking): string | undefined {
  if (reading.kind === 'tracked' || reading.reason.fallback !== 'unknown-table') return undefined;
  return `${reading.reason.what}, which is not in the database that is followed`;
}

/** They do not change but with the schema, or what reads them is not stored anyway. */
const HARMLESS = new Set(['a table of the system', 'a sequence']);

function uncoveredIn({ data }: Catalogue, covers: Coverage['covers']): string | undefined {
  for (const { schema, name, relation } of data?.relations ?? []) {
    // The feed's own, or the system's.
    if (data?.dialect === 'sqlite' ? FOREIGN_NAME.test(name) : schema === 'tidegate') continue;
    if (relation.kind === 'table' && !covers(relation.table.name)) return relation.table.name;
    if (relation.kind === 'unseen' && !HARMLESS.has(relation.what)) return `${name}, ${relation.what}`;
  }
  return undefined;
}
