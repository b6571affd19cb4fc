// The functions, operators and types of a PostgreSQL database that are not the system's own, read from pg_catalog, and
// what they may run.
//
// A function that is declared IMMUTABLE may read tables all the same. The declaration is only believed for the system's
// own functions, and for those written in C that an extension brings.

import type { Routine, RoutinesData } from '../ast.ts';

type RowObject = Readonly<Record<string, unknown>>;

/** Objects with an identifier below this came with the system. */
const FIRST_OWN = 16384;

const isOfExtension = (catalogue: string, id: string) => `EXISTS (SELECT 1 FROM pg_depend d
    WHERE d.classid = 'pg_catalog.${catalogue}'::regclass AND d.objid = ${id} AND d.deptype = 'e')`;

/** Condition on a row `p` of pg_proc. */
const IS_BELIEVED = `(p.provolatile = 'i' AND (p.oid < ${FIRST_OWN} OR
    (p.prolang IN (SELECT oid FROM pg_language WHERE lanname IN ('internal', 'c')) AND ${isOfExtension('pg_proc', 'p.oid')})))`;

const NAME = `(SELECT nspname FROM pg_namespace WHERE oid = p.pronamespace) || '.' || p.proname`;

const FUNCTIONS = `SELECT n.nspname AS schema, p.proname AS name, bool_or(p.proretset OR p.prokind <> 'f') AS "isOverRows",
    coalesce(bool_and(${IS_BELIEVED}), false) AS "isBelieved"
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE p.oid >= ${FIRST_OWN} AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
    AND n.nspname <> 'tidegate' AND n.nspname NOT LIKE 'pg\\_temp%' GROUP BY 1, 2`;

/** How the system's operators of these names compare is known; one that takes the system's types may come before them. */
const COMPARES = `o.oprname IN ('=', '<>', '<', '<=', '>', '>=', '~~', '!~~', '~~*', '!~~*')`;

const OPERATORS = `SELECT n.nspname AS schema, o.oprname AS name, bool_or(p.proretset) AS "isOverRows",
    json_agg(DISTINCT ${NAME})::text AS runs
  FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace JOIN pg_proc p ON p.oid = o.oprcode
  WHERE o.oid >= ${FIRST_OWN} AND n.nspname NOT LIKE 'pg\\_temp%' AND NOT (${IS_BELIEVED} AND NOT p.proretset
    AND ${isOfExtension('pg_operator', 'o.oid')} AND (NOT ${COMPARES} OR EXISTS (SELECT 1 FROM pg_type t
      WHERE t.oid IN (o.oprleft, o.oprright) AND ${isOfExtension('pg_type', 't.oid')}))) GROUP BY 1, 2`;

/** The parts and own functions of every type, except row types made of the system's types alone. */
const TYPES = `WITH plain AS (
    SELECT t.oid FROM pg_type t WHERE t.typtype = 'c' AND NOT EXISTS (SELECT 1 FROM pg_attribute a
      WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND a.atttypid >= ${FIRST_OWN})
  ), casts AS (
    SELECT c.*, ${NAME} AS runs FROM pg_cast c JOIN pg_proc p ON p.oid = c.castfunc
    WHERE c.oid >= ${FIRST_OWN} AND NOT ${IS_BELIEVED}
  ), parts AS (
    SELECT oid AS type, typelem AS part FROM pg_type UNION ALL SELECT oid, typbasetype FROM pg_type
    UNION ALL SELECT rngtypid, rngsubtype FROM pg_range UNION ALL SELECT rngmultitypid, rngtypid FROM pg_range
    UNION ALL SELECT t.oid, a.atttypid FROM pg_type t JOIN pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0
      WHERE t.typtype = 'c'
  ), runs AS (
    SELECT t.oid AS type, ${NAME} AS name FROM pg_type t JOIN pg_proc p ON p.oid IN (t.typinput, t.typoutput)
      WHERE t.typtype = 'b' AND t.oid >= ${FIRST_OWN} AND NOT ${IS_BELIEVED} AND p.oid >= ${FIRST_OWN}
    UNION ALL SELECT r.rngtypid, ${NAME} FROM pg_range r JOIN pg_proc p ON p.oid = r.rngcanonical WHERE NOT ${IS_BELIEVED}
    UNION ALL SELECT k.contypid, ${NAME} FROM pg_constraint k
      JOIN pg_depend d ON d.classid = 'pg_catalog.pg_constraint'::regclass AND d.objid = k.oid
      LEFT JOIN pg_operator o ON d.refclassid = 'pg_catalog.pg_operator'::regclass AND o.oid = d.refobjid
      JOIN pg_proc p ON p.oid = CASE WHEN d.refclassid = 'pg_catalog.pg_proc'::regclass THEN d.refobjid ELSE o.oprcode END
      WHERE k.contypid <> 0 AND NOT ${IS_BELIEVED}
    UNION ALL SELECT c.casttarget, c.runs FROM casts c WHERE c.casttarget >= ${FIRST_OWN} OR c.castsource < ${FIRST_OWN}
    UNION ALL SELECT c.castsource, c.runs FROM casts c WHERE c.castsource >= ${FIRST_OWN}
  )
  SELECT t.oid::text AS id, n.nspname AS schema, t.typname AS name,
    (SELECT json_agg(DISTINCT part::text)::text FROM parts WHERE type = t.oid AND part >= ${FIRST_OWN}) AS parts,
    (SELECT json_agg(DISTINCT r.name)::text FROM runs r WHERE r.type = t.oid) AS runs,
    (SELECT json_agg(DISTINCT c.runs)::text FROM casts c WHERE c.casttarget = t.oid AND c.castsource < ${FIRST_OWN}
      AND t.oid < ${FIRST_OWN} AND c.castcontext = 'i') AS implicit
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE n.nspname NOT LIKE 'pg\\_temp%' AND n.nspname NOT LIKE 'pg\\_toast%' AND (t.oid >= ${FIRST_OWN}
    AND t.oid NOT IN (SELECT oid FROM plain) AND t.typelem NOT IN (SELECT oid FROM plain)
    OR t.oid IN (SELECT casttarget FROM casts))`;

const SYSTEM = `SELECT DISTINCT p.proname AS name FROM pg_proc p
  WHERE p.oid < ${FIRST_OWN} AND p.pronamespace = 'pg_catalog'::regnamespace AND p.proretset`;

/** The catalogue holds everything that changes their answers. */
export const ROUTINE_QUERIES = { functions: FUNCTIONS, operators: OPERATORS, types: TYPES, system: SYSTEM };

type Rows = Readonly<Record<keyof typeof ROUTINE_QUERIES, readonly RowObject[]>>;

/** Functions that the server may run for a value of the type with this identifier. */
export type RunsOfType = (id: string) => readonly string[];

export function routinesFrom(rows: Rows): { readonly data: RoutinesData; readonly runsOfType: RunsOfType } {
  const runsOfType = typesFrom(rows.types);
  const functions = rows.functions.map((row) =>
    routineOf('function', row, row.isBelieved === true ? [] : [`${row.schema}.${row.name}`]),
  );
  const operators = rows.operators.map((row) => routineOf('operator', row, listOf(row.runs)));
  const types = rows.types
    .map((row) => routineOf('type', row, runsOfType(String(row.id))))
    .filter(({ runs }) => runs.length > 0);
  const data: RoutinesData = {
    own: [...functions, ...operators, ...types],
    setReturning: rows.system.map(({ name }) => String(name)),
    implicit: [...new Set(rows.types.flatMap(({ implicit }) => listOf(implicit)))],
  };
  return { data, runsOfType };
}

function routineOf(kind: Routine['kind'], row: RowObject, runs: readonly string[]): Routine {
  return { kind, schema: String(row.schema), name: String(row.name), isOverRows: row.isOverRows === true, runs };
}

/** A type also owns the functions of the types it consists of. */
function typesFrom(rows: readonly RowObject[]): RunsOfType {
  const known = new Map(rows.map((row) => [String(row.id), row]));
  return (id) => {
    const seen = new Set<string>();
    const runs = new Set<string>();
    for (const pending = [id]; pending.length > 0; ) {
      const next = pending.pop() as string;
      const row = known.get(next);
      if (row === undefined || seen.has(next)) continue;
      seen.add(next);
      for (const name of listOf(row.runs)) runs.add(name);
      pending.push(...listOf(row.parts));
    }
    return [...runs];
  };
}

/** A list of texts as JSON; none where there is NULL. */
function listOf(json: unknown): string[] {
  return json === null || json === undefined ? [] : (JSON.parse(String(json)) as string[]);
}
