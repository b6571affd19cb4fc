// What sessions differ about: schemas with the same tables and functions, roles, a table with a policy, and values that
// settings read in other ways.
//
// Each schema has its own rows and lacks some of the tables, so that a path falls through to the next.

import type { Dice } from '../sim/dice.ts';
import { randomRoutine } from './postgres-routines.ts';
import { type PostgresSchema, postgresDdl, randomPostgresSchema } from './postgres-schema.ts';
import type { PostgresWrite } from './postgres-writes.ts';
import type { Query } from './queries.ts';

export const SCHEMAS: readonly string[] = ['public', 'north', 'clerk'];

/** Roles and database are made once for a server. `clerk` has a schema of its name, `guest` a path of his own. */
export const ROLES = `DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'chief') THEN
    CREATE ROLE chief LOGIN SUPERUSER PASSWORD 'password';
    CREATE ROLE clerk LOGIN PASSWORD 'password';
    CREATE ROLE guest LOGIN PASSWORD 'password';
    ALTER ROLE guest SET search_path = north, public;
  END IF; END $$`;

const MARKS = `CREATE TABLE marks (id float8 PRIMARY KEY, name text, n integer, flags text[], day date, at timestamptz,
  span interval, bytes bytea)`;

/** The tables of a random schema by their bare names. */
export function randomSessionSchema(dice: Dice): PostgresSchema {
  for (;;) {
    const schema = randomPostgresSchema(dice);
    if (schema.tables.every(({ name }) => !name.includes('.'))) return schema;
  }
}

/** Statements for one schema, in which the path names it alone. */
export function ddlWithin(dice: Dice, name: string, schema: PostgresSchema): string[] {
  const own = { ...schema, routine: randomRoutine(dice, schema.tables) };
  const last = schema.tables.at(-1)?.name;
  const isMissing = name !== 'public' && schema.tables.length > 2 && dice.chance(0.5);
  return [
    ...postgresDdl(dice, own),
    ...(isMissing ? [`DROP TABLE ${last} CASCADE`] : []),
    MARKS,
    'CREATE TABLE secret (id integer PRIMARY KEY, n integer)',
    'CREATE TABLE allowed (id integer PRIMARY KEY)',
    'CREATE FUNCTION tally() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT count(*) FROM marks $$',
  ];
}

/** Once all schemas are there. */
export const SHARED_DDL: readonly string[] = [
  // The path of some sessions has it before the system's own.
  `CREATE FUNCTION north.upper(pg_catalog.text) RETURNS pg_catalog.text LANGUAGE sql STABLE AS $$ SELECT $1 || count(*) FROM north.allowed $$`,
  'CREATE DOMAIN north.text AS pg_catalog.bpchar(1)',
  'ALTER TABLE public.secret ENABLE ROW LEVEL SECURITY',
  `CREATE POLICY allowed ON public.secret USING (EXISTS (SELECT FROM public.allowed a WHERE a.id = secret.n))`,
  `CREATE FUNCTION public.go_to(path text) RETURNS text LANGUAGE sql AS $$ SELECT set_config('search_path', path, false) $$`,
  `CREATE PROCEDURE public.walk_to(path text) LANGUAGE plpgsql AS
    $$ BEGIN PERFORM set_config('search_path', path, false); END $$`,
  `CREATE FUNCTION public.stepped() RETURNS bigint LANGUAGE plpgsql SET search_path = north AS
    $$ BEGIN PERFORM set_config('search_path', 'clerk', false); RETURN 1; END $$`,
  'CREATE TABLE public.visits (path text)',
  `CREATE FUNCTION public.visited() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM set_config('search_path', NEW.path, false); RETURN NEW; END $$`,
  'CREATE TRIGGER visited BEFORE INSERT ON public.visits FOR EACH ROW EXECUTE FUNCTION public.visited()',
  'GRANT USAGE ON SCHEMA public, north, clerk TO clerk, guest',
  ...SCHEMAS.map((name) => `GRANT SELECT ON ALL TABLES IN SCHEMA ${name} TO clerk, guest`),
  'GRANT INSERT ON public.visits TO clerk, guest',
];

const IDS = ['0.1', '0.3', '0.30000000000000004', '0.7999999999999999', '0.8', '1', '2', '3'];
const NAMES = ['a', 'ab', 'b', 'B', 'é', 'Ã©', 'NULL', 'a\\142'];
const DAYS = ['2024-01-02', '2024-02-01', '2024-01-01'];
const MOMENTS = ['2024-01-01 00:00:00+00', '2023-12-31 23:30:00+00', '2024-01-01 05:00:00+00'];
const SPANS = ['1 day', '24:00:00', '-1 day -02:00:00', '-1 day +02:00:00'];
const BYTES = ['\\x', '\\x61', '\\x6162', '\\x5c783631'];
const FLAGS = ['{}', '{a,b}', '{NULL,a}', '{"NULL"}'];

function cellsOf(dice: Dice): readonly (readonly [column: string, text: string | null])[] {
  return [
    ['name', dice.chance(0.2) ? null : dice.pick(NAMES)],
    ['n', dice.chance(0.2) ? null : String(dice.below(5))],
    ['flags', dice.pick(FLAGS)],
    ['day', dice.pick(DAYS)],
    ['at', dice.pick(MOMENTS)],
    ['span', dice.pick(SPANS)],
    ['bytes', dice.pick(BYTES)],
  ];
}

/** Of the tables that all schemas have. */
export function randomMark(dice: Dice, isNew = dice.chance(0.5)): PostgresWrite {
  const done = (text: string, parameters: readonly unknown[]) => ({ text, parameters, isUndone: false });
  if (!isNew && dice.chance(0.3)) {
    const id = dice.below(6);
    if (dice.chance(0.5)) return done(`DELETE FROM ${dice.pick(['secret', 'allowed'])} WHERE id = $1`, [id]);
    if (dice.chance(0.5)) return done('INSERT INTO allowed VALUES ($1) ON CONFLICT DO NOTHING', [id]);
    const upsert = 'INSERT INTO secret VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = excluded.n';
    return done(upsert, [id, dice.below(6)]);
  }
  const cells = cellsOf(dice);
  const id = dice.pick(IDS);
  if (isNew) {
    const places = cells.map((_, at) => `$${at + 2}`).join(', ');
    const names = cells.map(([name]) => name).join(', ');
    const text = `INSERT INTO marks (id, ${names}) VALUES ($1, ${places}) ON CONFLICT DO NOTHING`;
    return done(text, [id, ...cells.map(([, cell]) => cell)]);
  }
  if (dice.chance(0.3)) return done('DELETE FROM marks WHERE id = $1', [id]);
  const [name, cell] = dice.pick(cells);
  return done(`UPDATE marks SET ${name} = $2 WHERE id = $1`, [id, cell]);
}

const given = (text: string, ...parameters: readonly unknown[]) => ({ text, parameters });
const TEXTS: readonly (readonly [feature: string, make: (dice: Dice) => ReturnType<typeof given>])[] = [
  ['names', (dice) => given('SELECT name FROM marks WHERE id = $1', dice.pick(IDS))],
  ['names', () => given('SELECT id, name FROM marks')],
  ['functions', (dice) => given(`SELECT upper(name) FROM marks WHERE n = ${dice.below(5)}`)],
  ['functions', () => given('SELECT shortened(name) FROM marks WHERE n = $1', 3)],
  ['functions', () => given(`SELECT id FROM marks WHERE name = 'ab'::text`)],
  ['functions', () => given('SELECT tally()')],
  ['names', () => given('SELECT current_schema(), count(*) FROM marks')],
  ['names', () => given('SELECT m.id, o.name FROM marks m JOIN north.marks o ON o.n = m.n')],
  ['names', () => given('SELECT m.id, s.n FROM marks m JOIN allowed s ON s.id = m.n WHERE m.name = $1', 'a')],
  ['order', (dice) => given(`SELECT id, name FROM marks ORDER BY id${dice.pick(['', ' DESC'])} LIMIT 2`)],
  ['order', () => given('SELECT id, span FROM marks ORDER BY span, id LIMIT 2')],
  ['order', () => given('SELECT id, bytes FROM marks ORDER BY bytes, id LIMIT 2')],
  ['order', () => given('SELECT id, at FROM marks ORDER BY at, id LIMIT 2')],
  ['order', () => given('SELECT id, at::date AS day FROM marks ORDER BY day, id LIMIT 2')],
  ['policy', (dice) => given(`SELECT id FROM secret WHERE n < ${dice.between(2, 6)}`)],
  ['policy', () => given('SELECT count(*) FROM secret')],
  ['nulls', () => given('SELECT id FROM marks WHERE name = NULL')],
  ['nulls', () => given('SELECT id FROM marks WHERE n = NULL OR n = 3')],
  ['backslash', () => given(`SELECT id FROM marks WHERE name = 'a\\142'`)],
  ['lists', () => given(`SELECT id FROM marks WHERE name = ANY ('{NULL,a}')`)],
  ['lists', () => given('SELECT id FROM marks WHERE name = ANY ($1)', '{NULL,a}')],
  ['lists', () => given('SELECT id FROM marks WHERE name = ANY ($1::text[])', [null, 'a'])],
  ['lists', () => given('SELECT id FROM marks WHERE name = ANY ($1)', [null, 'b'])],
  ['letters', () => given(`SELECT id FROM marks WHERE name = 'é'`)],
  ['letters', () => given('SELECT id FROM marks WHERE name = $1', 'é')],
  ['times', () => given(`SELECT id FROM marks WHERE day = '02/01/2024'`)],
  ['times', () => given('SELECT id FROM marks WHERE day = $1', '01/02/2024')],
  ['times', () => given(`SELECT id FROM marks WHERE at >= '2024-01-01 00:00:00'`)],
  ['times', () => given('SELECT id FROM marks WHERE at = $1', '2024-01-01 00:00:00')],
  ['times', () => given(`SELECT id FROM marks WHERE at::date = '2024-01-01'`)],
  ['times', () => given(`SELECT id FROM marks WHERE span = '-1 2:00:00'`)],
  ['bytes', () => given(`SELECT id FROM marks WHERE bytes = '\\x6162'`)],
  ['bytes', () => given('SELECT id FROM marks WHERE bytes = $1', '\\x61')],
];

/** `about`: of these alone. */
export function randomSessionQuery(dice: Dice, about?: string): Omit<Query, 'feature'> {
  const [, make] = dice.pick(TEXTS.filter(([feature]) => about === undefined || feature === about));
  const { text, parameters } = make(dice);
  return { text, parameters, isOrdered: text.includes('ORDER BY') };
}
