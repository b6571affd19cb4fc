// The kinds of sessions of a world: how each begins, and what it does to itself while it is read from.

import type { Dice } from '../sim/dice.ts';

const PATHS = [
  'public',
  'north',
  'clerk',
  'north, public',
  'public, north',
  'clerk, north, public',
  '"$user", public',
  'missing, north',
  'north, pg_catalog',
];

/** Statements, one after the other. */
export type Change = readonly string[];

export type Driver = 'client' | 'pool' | 'several' | 'postgres.js';

export interface SessionKind {
  readonly drivers: readonly Driver[];
  /** Something of it is stored, or the run proves nothing of it. */
  readonly isStored: boolean;
  readonly user?: (dice: Dice) => string;
  readonly database?: string;
  /** Of a standby, where there is one. */
  readonly isStandby?: boolean;
  /** `-c` settings of the connection. */
  readonly path?: (dice: Dice) => string;
  /** When it has connected; for a pool in its event. */
  readonly first?: (dice: Dice) => Change;
  /** By the wrapper, before anything is known of the connection. */
  readonly begins?: (dice: Dice) => string;
  readonly change?: (dice: Dice) => Change;
  /** Features of the queries that are about it. */
  readonly about?: string;
}

function pathChange(dice: Dice): Change {
  const path = dice.pick(PATHS);
  return dice.pick<Change>([
    [`SET search_path = ${path}`],
    [`SET SESSION search_path TO ${path}`],
    [`SELECT set_config('search_path', '${path}', false)`],
    [`DO $$ BEGIN SET search_path = ${path}; END $$`],
    [`CALL public.walk_to('${path}')`],
    [`SELECT public.go_to('${path}')`],
    [`INSERT INTO public.visits VALUES ('${path}')`],
    [`SELECT 1; SET search_path = ${path}; SELECT 2`],
    [`BEGIN; SET LOCAL search_path = ${path}; COMMIT`],
    ['BEGIN', `SET LOCAL search_path = ${path}`, 'COMMIT'],
    ['BEGIN', `SET search_path = ${path}`, dice.pick(['COMMIT', 'ROLLBACK'])],
    ['BEGIN', 'SAVEPOINT s', `SELECT public.go_to('${path}')`, 'ROLLBACK TO SAVEPOINT s', 'COMMIT'],
    ['SELECT public.stepped()'],
    ['RESET search_path'],
    ['DISCARD ALL'],
  ]);
}

function roleChange(dice: Dice): Change {
  const role = dice.pick(['clerk', 'guest', 'chief', 'postgres']);
  return dice.pick<Change>([
    [`SET ROLE ${role}`],
    [`SELECT set_config('role', '${role}', false)`],
    [`SELECT 1; SET ROLE ${role}; SELECT 2`],
    [`DO $$ BEGIN SET ROLE ${role}; END $$`],
    ['BEGIN', `SET LOCAL ROLE ${role}`, 'COMMIT'],
    [`SET SESSION AUTHORIZATION ${role}`],
    [dice.pick(['RESET ROLE', 'SET ROLE NONE'])],
    ['RESET SESSION AUTHORIZATION'],
    ['DISCARD ALL'],
  ]);
}

/** Under which answers are written or read in other ways, and nothing that is stored depends on. */
const PLAIN: Readonly<Record<string, readonly string[]>> = {
  datestyle: ['ISO, DMY', 'ISO, MDY', 'ISO, YMD'],
  intervalstyle: ['postgres', 'iso_8601', 'sql_standard', 'postgres_verbose'],
  timezone: ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu'],
  extra_float_digits: ['1', '3'],
  bytea_output: ['escape', 'hex'],
  row_security: ['on', 'off'],
  xmlbinary: ['hex', 'base64'],
};

/** Under which statements mean something else. */
const FOREIGN: Readonly<Record<string, readonly string[]>> = {
  datestyle: ['German', 'SQL, DMY', 'Postgres, MDY', 'ISO, MDY'],
  standard_conforming_strings: ['off', 'on'],
  transform_null_equals: ['on', 'off'],
  extra_float_digits: ['0', '-5', '1'],
  array_nulls: ['off', 'on'],
  client_encoding: ['LATIN1', 'UTF8'],
};

function settingOf(dice: Dice, settings: Readonly<Record<string, readonly string[]>>): Change {
  const name = dice.pick(Object.keys(settings));
  const value = dice.pick(settings[name] as readonly string[]);
  return dice.pick<Change>([
    [`SET ${name} = '${value}'`],
    [`SELECT set_config('${name}', '${value}', false)`],
    [`SELECT 1; SET ${name} = '${value}'; SELECT 2`],
    ['BEGIN', `SET LOCAL ${name} = '${value}'`, 'COMMIT'],
    [`RESET ${name}`],
  ]);
}

function only(name: string, about: string): SessionKind {
  const settings = { [name]: FOREIGN[name] as readonly string[] };
  return { drivers: ['client', 'postgres.js'], isStored: true, change: (dice) => settingOf(dice, settings), about };
}

function temporaryChange(dice: Dice): Change {
  return dice.pick<Change>([
    [
      'CREATE TEMP TABLE IF NOT EXISTS marks (LIKE public.marks)',
      'INSERT INTO pg_temp.marks (id, name) VALUES (1, $$a$$)',
    ],
    [`CREATE TEMP VIEW marks AS SELECT * FROM north.marks WHERE n > ${dice.below(4)}`],
    ['INSERT INTO pg_temp.marks (id, name, n) VALUES (random(), $$ab$$, 3)'],
    ['DROP TABLE IF EXISTS pg_temp.marks'],
    ['DROP VIEW IF EXISTS pg_temp.marks'],
    ['DISCARD TEMP'],
  ]);
}

const SNAPSHOT = ['BEGIN ISOLATION LEVEL REPEATABLE READ', 'SELECT count(*) FROM public.allowed'];

function transactionChange(dice: Dice): Change {
  return dice.pick<Change>([
    SNAPSHOT,
    [`${SNAPSHOT.join('; ')}`],
    [`SELECT 1; ${SNAPSHOT[0]}; ${SNAPSHOT[1]}`],
    ['COMMIT'],
    ['ROLLBACK'],
  ]);
}

export const pathOf = (dice: Dice) => dice.pick(PATHS);

export const SESSION_KINDS: Readonly<Record<string, SessionKind>> = {
  'path of the options': { drivers: ['client', 'pool', 'postgres.js'], isStored: true, path: pathOf },
  'path of the role': {
    drivers: ['client', 'pool', 'postgres.js'],
    isStored: true,
    user: (dice) => dice.pick(['clerk', 'guest']),
  },
  'own functions': {
    drivers: ['client', 'postgres.js'],
    isStored: true,
    path: (dice) => dice.pick(['north, pg_catalog', 'north, pg_catalog', 'north, public', 'clerk, public']),
    about: 'functions',
  },
  'path set at first': {
    drivers: ['client', 'pool', 'postgres.js'],
    isStored: true,
    first: (dice) => [`SET search_path = ${pathOf(dice)}`],
  },
  'path of its first read': {
    drivers: ['client', 'pool', 'postgres.js'],
    isStored: true,
    begins: (dice) => `SELECT public.go_to('${pathOf(dice)}')`,
  },
  'paths of a pool': { drivers: ['several'], isStored: true },
  'path set on the way': { drivers: ['client', 'client', 'postgres.js'], isStored: true, change: pathChange },
  'role set on the way': {
    drivers: ['client', 'client', 'postgres.js'],
    isStored: true,
    path: () => '"$user",public',
    change: roleChange,
  },
  'plain settings': {
    drivers: ['client', 'postgres.js'],
    isStored: true,
    change: (dice) => settingOf(dice, PLAIN),
  },
  policy: { drivers: ['client'], isStored: true, change: roleChange, about: 'policy' },
  'date style': only('datestyle', 'times'),
  backslashes: only('standard_conforming_strings', 'backslash'),
  'null equals': only('transform_null_equals', 'nulls'),
  'float digits': only('extra_float_digits', 'order'),
  'array nulls': only('array_nulls', 'lists'),
  encoding: only('client_encoding', 'letters'),
  temporary: { drivers: ['client', 'postgres.js'], isStored: true, change: temporaryChange, about: 'names' },
  transactions: { drivers: ['client', 'postgres.js'], isStored: true, change: transactionChange },
  'another database': { drivers: ['client', 'pool', 'postgres.js'], isStored: false, database: 'elsewhere' },
  standby: {
    drivers: ['client'],
    isStored: false,
    isStandby: true,
    // Paused amid a commit, it may hold a lock of that one for as long.
    first: () => [`SET statement_timeout = '2s'`, 'SELECT pg_wal_replay_resume()'],
    change: standbyChange,
  },
};

/** It answers with what was, and goes on to do so. */
function standbyChange(dice: Dice): Change {
  return [`SELECT pg_wal_replay_${dice.pick(['pause', 'resume', 'resume'])}()`];
}

export const SESSION_FEATURES: readonly string[] = Object.keys(SESSION_KINDS).map((kind) => `sessions/${kind}`);

/** Something of such sessions is stored. */
export function isStoredOf(feature: string): boolean {
  return SESSION_KINDS[feature.slice(feature.indexOf('/') + 1)]?.isStored === true;
}
