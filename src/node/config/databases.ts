// The databases of a configuration, for the commands that look after their feeds.
//
// A process that looks after a feed need not have a gate. So nothing else of the configuration is checked here, and
// the gate's required keys may be absent.

import { dirname, resolve } from 'node:path';
import { isRecord } from '../../options/kit.ts';
import { databaseProblems, refused } from './config-checks.ts';
import { findConfigFile, readConfigFile } from './config-file.ts';
import { type ConfigOutput, databasesSchema } from './config-schema.ts';

type Databases = ConfigOutput['sources'];

/**
 * The databases of the file, or of the configuration in the folder; undefined when there is none. Rejects with
 * E_CONFIG.
 */
export async function loadDatabases(options: {
  readonly file?: string | undefined;
  readonly cwd: string;
}): Promise<Databases | undefined> {
  const file = findConfigFile(options);
  if (file === undefined) return undefined;
  const raw = await readConfigFile(file);
  const problems = databaseProblems(raw);
  if (problems.length > 0) throw refused(file, problems);
  const sources = isRecord(raw) ? raw.sources : undefined;
  return databaseFiles(databasesSchema.parse(sources), dirname(file));
}

export function databaseFiles(databases: Databases, directory: string): Databases {
  const resolved = Object.entries(databases).map(([name, database]) => {
    const { sqlite } = database;
    return [name, sqlite === undefined ? database : { ...database, sqlite: resolve(directory, sqlite) }] as const;
  });
  return Object.fromEntries(resolved);
}
