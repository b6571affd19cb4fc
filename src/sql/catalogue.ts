// A catalogue as plain data, with the meaning of its names: so that a catalogue read elsewhere answers alike.

import { TidegateError } from '../errors.ts';
import type { Callee, Catalogue, CatalogueData, Relation, Routine, Routines, RoutinesData, Session } from './ast.ts';
import { RULES } from './dialect.ts';

interface CatalogueMaps {
  readonly relations: ReadonlyMap<string, Relation>;
  readonly modules: ReadonlySet<string>;
  readonly routines: ReadonlyMap<string, Routine>;
  readonly setReturning: ReadonlySet<string>;
}

/** Shared by all sessions. */
const mapsByData = new WeakMap<CatalogueData, CatalogueMaps>();

export function catalogueOf(data: CatalogueData, session?: Session): Catalogue {
  const { dialect, source } = data;
  const { path } = session ?? data;
  const { fold, hidden } = RULES[dialect];
  const keyOf = (schema: string, name: string) => `${fold(schema)}\0${fold(name)}`;
  const maps = mapsOf(data, keyOf);
  return {
    source,
    ...(session !== undefined && { session }),
    data,
    relation(schema, name) {
      for (const place of schema === undefined ? path : [schema]) {
        const relation = maps.relations.get(keyOf(place, name));
        if (relation !== undefined) return relation;
      }
      return hidden(schema, name, maps.modules);
    },
    routines: data.routines && routinesOn(path, maps, data.routines),
  };
}

export function unseen(what: string): Relation {
  return { kind: 'unseen', what };
}

/** The catalogue with names resolved as the session resolves them. Throws E_FEED where it cannot be had as plain data. */
export function within({ data }: Catalogue, session: Session): Catalogue {
  if (data === undefined) throw new TidegateError('E_FEED', 'expected a catalogue as plain data, got none');
  return catalogueOf(data, session);
}

function mapsOf(data: CatalogueData, keyOf: (schema: string, name: string) => string): CatalogueMaps {
  const { own = [], setReturning = [] } = data.routines ?? {};
  const maps = mapsByData.get(data) ?? {
    relations: new Map(data.relations.map(({ schema, name, relation }) => [keyOf(schema, name), relation])),
    modules: new Set(data.modules),
    routines: new Map(own.map((routine) => [routineKey(routine.kind, routine.schema, routine.name), routine])),
    setReturning: new Set(setReturning),
  };
  mapsByData.set(data, maps);
  return maps;
}

/** Finds routines in all schemas of the path: the server chooses among them by the types of their arguments. */
function routinesOn(
  path: readonly string[],
  { routines, setReturning }: CatalogueMaps,
  { implicit }: RoutinesData,
): Routines {
  const find = ({ kind, schema, name }: Callee): Routine[] =>
    (schema === undefined ? path : [schema]).flatMap((place) => {
      return routines.get(routineKey(kind === 'field' ? 'function' : kind, place, name)) ?? [];
    });
  return {
    find,
    isSetReturning: (name) => setReturning.has(name),
    isSystemFirst: path.find((schema) => !schema.startsWith('pg_temp')) === SYSTEM,
    implicit,
  };
}

function routineKey(kind: string, schema: string, name: string): string {
  return `${kind}\0${schema}\0${name}`;
}

/** The schema of PostgreSQL's own. */
export const SYSTEM = 'pg_catalog';

/** Whether the callee's name has no other schema than the system's. */
export function isSystem({ schema }: Pick<Callee, 'schema'>): boolean {
  return schema === undefined || schema === SYSTEM;
}
