// A catalogue as plain data, and what the names in it mean: so that one that was read elsewhere answers the same.
//
// The one complication: the two databases look for a name in their own ways, and hide what is temporary in their own.

import { TidegateError } from '../errors.ts';
import type { Catalogue, CatalogueData, Relation, Session } from './ast.ts';

interface Known {
  readonly relations: ReadonlyMap<string, Relation>;
  readonly modules: ReadonlySet<string>;
}

/** Shared by all sessions. */
const known = new WeakMap<CatalogueData, Known>();

export function catalogueOf(data: CatalogueData, session?: Session): Catalogue {
  const { dialect, source } = data;
  const { path } = session ?? data;
  const keyOf = dialect === 'sqlite' ? foldedKey : plainKey;
  const { relations, modules } = knownOf(data, keyOf);
  return {
    source,
    ...(session !== undefined && { session }),
    data,
    relation(schema, name) {
      for (const place of schema === undefined ? path : [schema]) {
        const relation = relations.get(keyOf(place, name));
        if (relation !== undefined) return relation;
      }
      return dialect === 'sqlite' ? hiddenInSqlite(name, modules) : hiddenInPostgres(schema);
    },
  };
}

/** With names resolved as the session resolves them. Throws E_FEED where the catalogue cannot be had as plain data. */
export function within({ data }: Catalogue, session: Session): Catalogue {
  if (data === undefined) throw new TidegateError('E_FEED', 'expected a catalogue as plain data, got none');
  return catalogueOf(data, session);
}

function knownOf(data: CatalogueData, keyOf: (schema: string, name: string) => string): Known {
  let found = known.get(data);
  if (found === undefined) {
    const relations = new Map(data.relations.map(({ schema, name, relation }) => [keyOf(schema, name), relation]));
    found = { relations, modules: new Set(data.modules) };
    known.set(data, found);
  }
  return found;
}

function hiddenInSqlite(name: string, modules: ReadonlySet<string>): Relation | null {
  if (/^(?:sqlite|pragma)_/i.test(name)) return { kind: 'unseen', what: 'a table of the system' };
  return modules.has(folded(name)) ? { kind: 'unseen', what: 'a virtual table' } : null;
}

function hiddenInPostgres(schema: string | undefined): Relation | null {
  const isTemporary = schema !== undefined && /^pg_temp/.test(schema);
  return isTemporary ? { kind: 'unseen', what: 'a temporary table' } : null;
}

function plainKey(schema: string, name: string): string {
  return `${schema}\0${name}`;
}

function foldedKey(schema: string, name: string): string {
  return plainKey(folded(schema), folded(name));
}

/** SQLite folds the letters of ASCII only. */
export function folded(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
