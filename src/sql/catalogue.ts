// A catalogue as plain data, and what the names in it mean: so that one that was read elsewhere answers the same.
//
// The one complication: the two databases look for a name in their own ways, and hide what is temporary in their own.

import type { Catalogue, CatalogueData, Relation } from './ast.ts';

export function catalogueOf(data: CatalogueData): Catalogue {
  const { dialect, source, path } = data;
  const keyOf = dialect === 'sqlite' ? foldedKey : plainKey;
  const known = new Map(data.relations.map(({ schema, name, relation }) => [keyOf(schema, name), relation]));
  const modules = new Set(data.modules);
  return {
    source,
    data,
    relation(schema, name) {
      for (const place of schema === undefined ? path : [schema]) {
        const relation = known.get(keyOf(place, name));
        if (relation !== undefined) return relation;
      }
      return dialect === 'sqlite' ? hiddenInSqlite(name, modules) : hiddenInPostgres(schema);
    },
  };
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
