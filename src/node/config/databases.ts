// The databases of a configuration, for the commands that look after their feeds.
//
// Who looks after a feed need not have a gate. So nothing else of the configuration is checked here,
// and what a gate needs may be left out.

import { dirname, resolve } from 'node:path';
import { isRecord } from '../../options/kit.ts';
import { databaseProblems, refused } from './config-checks.ts';
import { findConfigFile, readConfigFile } from './config-file.ts';
import { type ConfigOutput, configSchema } from './config-schema.ts';

type Databases = ConfigOutput['sources'];

/** Those of the file, or of the configuration in the folder; undefined: there is none. Rejects with E_CONFIG. */
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
  return databaseFiles(configSchema.unwrap().shape.sources.parse(sources), dirname(file));
}

export function databaseFiles(databases: Databases, directory: string): Databases {
  const resolved = Object.entries(databases).map(([name, database]) => {
    const { sqlite } = database;
    return [name, sqlite === undefined ? database : { ...database, sqlite: resolve(directory, sqlite) }] as const;
  });
  return Object.fromEntries(resolved);
}
