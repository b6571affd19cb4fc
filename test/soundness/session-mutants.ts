// Mutants of tracking with one rule of sessions taken out: what names and values mean to a connection of PostgreSQL.
//
// Not among them: what the server reports of its settings, alone, as the texts of statements tell the same. The style of
// dates: what is not written as expected is not known, so it costs answers that are stored and none that are wrong.

import { type Mutant, postgresMutant } from './mutants.ts';

const CONNECTION = 'track/wrap/postgres-connection.ts';
const HARMLESS = "isQuery && (isRefusal(answer) || registry.template(text, answer.session).kind === 'tracked')";

/** As on servers before PostgreSQL 18, which do not report the search path. */
function unreported(mutant: Mutant): Mutant {
  const find = "on('parameterStatus', () => this.#reported());";
  const edit = { file: `src/${CONNECTION}`, find, replace: "on('parameterStatus', () => undefined);" };
  return { ...mutant, edits: [edit, ...mutant.edits] };
}

/** `text`: of statements after which the connection is taken for what it was. */
function knownAfter(name: string, text: RegExp, kind: string): Mutant {
  const place = `${CONNECTION}: sessions/${kind}`;
  const replace = `(!isRefusal(answer) && ${text}.test(String(text))) || (${HARMLESS})`;
  return unreported(postgresMutant(`known-after-${name}`, place, [HARMLESS, replace]));
}

/** `entry`: the setting, with the values under which it changes nothing. */
function anyValueOf(entry: string, kind: string): Mutant {
  const name = entry.slice(0, entry.indexOf(':'));
  const rule = entry.slice(entry.indexOf('/'));
  const place = `sql/postgres/session.ts: sessions/${kind}`;
  return postgresMutant(`any-${name}`, place, [entry, entry.replace(rule, '/./]')]);
}

export const SESSION_MUTANTS: readonly Mutant[] = [
  postgresMutant('path-of-the-tracker', 'track/wrap/recorder.ts: sessions/path set at first', [
    'const template = registry.template(text, state.session);',
    'const template = registry.template(text);',
  ]),
  postgresMutant('templates-of-one-path', 'sql/analyse.ts: sessions/paths of a pool', [
    'session.path.join(',
    "[''].join(",
  ]),
  postgresMutant('tags-of-one-path', 'sql/analyse.ts: sessions/paths of a pool', [
    '[JSON.stringify(session.path)]',
    '[]',
  ]),
  postgresMutant('functions-of-the-trackers-path', 'sql/catalogue.ts: sessions/own functions', [
    'routinesOn(path, maps, data.routines)',
    'routinesOn(data.path, maps, data.routines)',
  ]),
  postgresMutant('system-is-always-first', 'sql/catalogue.ts: sessions/own functions', [
    "path.find((schema) => !schema.startsWith('pg_temp')) === SYSTEM",
    'true',
  ]),
  knownAfter('set', /^set (?:session )?search_path/i, 'path set on the way'),
  knownAfter('reset', /^reset|^discard/i, 'path set on the way'),
  knownAfter('set-config', /^select set_config/i, 'path set on the way'),
  knownAfter('a-function', /^select public\.go_to/i, 'path set on the way'),
  knownAfter('a-block', /^do\b/i, 'path set on the way'),
  knownAfter('a-procedure', /^call\b/i, 'path set on the way'),
  knownAfter('a-trigger', /^insert\b/i, 'path set on the way'),
  knownAfter('several-statements', /;/i, 'path set on the way'),
  knownAfter('set-role', /^set role/i, 'role set on the way'),
  knownAfter('set-session-authorization', /^set session authorization/i, 'role set on the way'),
  unreported(
    postgresMutant('statements-behind-a-question', `${CONNECTION}: sessions/path set on the way`, [
      '? sent !== undefined',
      '? true',
    ]),
  ),
  unreported(
    postgresMutant('questions-overtake', `${CONNECTION}: sessions/path set on the way`, [
      'if (this.#asking !== undefined) return undefined;',
      '',
    ]),
  ),
  postgresMutant('asked-before-a-grant', `${CONNECTION}: sessions/path of the role`, [
    ' && known.generation === generation',
    '',
  ]),
  unreported(
    postgresMutant('first-statement-changes-nothing', 'track/wrap/recorder.ts: sessions/path of its first read', [
      "if (template.kind !== 'tracked') session.changed?.();",
      '',
    ]),
  ),
  postgresMutant('temporary-tables-ignored', 'sql/postgres/session.ts: sessions/temporary', [
    'if (hasTemporary)',
    'if (hasTemporary && path.length === 0)',
  ]),
  postgresMutant('begun-past-the-wrapper', `${CONNECTION}: sessions/transactions`, [
    "if (facts.isWithin) return { kind: 'transaction' };",
    '',
  ]),
  postgresMutant('policies-ignored', 'sql/postgres/catalogue.ts: sessions/policy', [
    "if (row.secured === true) return unseen('row-level security');",
    '',
  ]),
  anyValueOf("standard_conforming_strings: ['on', /^on$/]", 'backslashes'),
  anyValueOf("transform_null_equals: ['off', /^off$/]", 'null equals'),
  anyValueOf("extra_float_digits: ['1 or more', /^[1-9]/]", 'float digits'),
  anyValueOf("array_nulls: ['on', /^on$/]", 'array nulls'),
  anyValueOf("client_encoding: ['UTF8', /^UTF8$/]", 'encoding'),
  postgresMutant('other-database-not-noticed', 'track/wrap/recorder.ts: sessions/another database', [
    'if (server !== registry.catalogue?.data?.server) return this.#decline(scope, ELSEWHERE);',
    '',
  ]),
  postgresMutant(
    'standby-not-noticed',
    'track/wrap/recorder.ts: sessions/standby',
    ['if (server === undefined) return this.#decline(scope, STANDBY);', ''],
    ['if (server !== registry.catalogue?.data?.server) return this.#decline(scope, ELSEWHERE);', ''],
  ),
];
