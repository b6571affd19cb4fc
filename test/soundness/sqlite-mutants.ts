// Mutants of what the tracker knows of connections of SQLite: rows left open, names of their own, other files. Each is run in
// worlds of its kind alone.
//
// Not among them: LIKE by case. No query of these worlds shows it within 4,000 changes; test/track/sqlite-session.test.ts does.

import type { Mutant } from './mutants.ts';
import type { CONNECTION_KINDS } from './worlds.ts';

type Edit = readonly [file: string, find: string, replace: string];

function of(feature: (typeof CONNECTION_KINDS)[number]): (name: string, ...edits: readonly Edit[]) => Mutant {
  return (name, ...edits) => ({
    name,
    feature,
    edits: edits.map(([file, find, replace]) => ({
      file: file.startsWith('sql/') ? `src/${file}` : `src/track/${file}`,
      find,
      replace,
    })),
  });
}

const ofRows = of('rows one by one');
const ofNames = of('names of its own');
const ofFiles = of('files');
const WRAP = 'wrap/wrap-sqlite.ts';

export const SQLITE_MUTANTS: readonly Mutant[] = [
  ofRows('open-rows-do-not-count', [WRAP, 'return this.openRows > 0 || ', 'return ']),
  ofRows('each-wrapper-counts-its-own-rows', [WRAP, 'connections.set(original, known);', 'void connections;']),
  ofRows('rows-that-threw-are-not-closed', [WRAP, '      this.closeQuietly();\n', '      this.#mark(false);\n']),
  ofRows('rows-are-closed-at-the-first-end', [
    WRAP,
    'this.#connection.openRows += isOpen ? 1 : -1;',
    'this.#connection.openRows = isOpen ? this.#connection.openRows + 1 : 0;',
  ]),
  ofRows('rows-count-for-who-began-them', [WRAP, 'if (scope !== this.#scope) this.#begin();', 'void scope;']),
  ofRows('texts-of-libsql-are-whole', ['wrap/sqlite-place.ts', 'this.cutsTexts = text !== WHOLE;', 'void text;']),
  ofNames('functions-of-before-are-not-looked-for', [WRAP, '??= hasReplaced(this.#database)', '??= false']),
  ofNames('functions-of-later-are-not-noticed', [WRAP, 'if (replacesOwn(given[0])) connection.isAltered = true;', '']),
  ofNames('aggregates-are-not-noticed', [WRAP, "['function', 'aggregate', ", "['function', "]),
  ofNames('names-in-other-letters-are-others', [
    'sql/calls/functions.ts',
    'isSystemName(name.toLowerCase(), ',
    'isSystemName(name, ',
  ]),
  ofNames('what-a-class-brings-is-of-the-driver', [
    'wrap/wrap-sqlite.ts',
    'for (let next = prototype; next !== Object.prototype;',
    'for (let next = prototype; next === Object.prototype;',
  ]),
  ofNames('temporary-tables-are-not-asked-for', [WRAP, 'NOT EXISTS (SELECT 1 FROM temp.sqlite_master) AND', '']),
  ofNames('session-state-is-stored', [
    'wrap/recorder.ts',
    'if (connection.isAltered) this.#decline(scope, ALTERED);',
    'if (!connection) return undefined;',
  ]),
  ofFiles('any-file-is-the-one', [
    'wrap/recorder.ts',
    'if (refusal !== undefined) return this.#decline(scope, refusal);',
    'void refusal;',
  ]),
  ofFiles('a-file-is-its-name', ['wrap/sqlite-place.ts', 'fileIdentity(file)}:', "fileIdentity(file) && ''}:"]),
  ofFiles('memory-is-any-file', [
    'wrap/sqlite-place.ts',
    'if (this.#place !== undefined && this.#place === followed) return undefined;',
    'if (this.#place === undefined || this.#place === followed) return undefined;',
  ]),
];
