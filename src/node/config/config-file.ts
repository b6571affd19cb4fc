// The file of a configuration: finds it and reads it, without checking its content.

import { existsSync, readFileSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { messageOf, TidegateError } from '../../errors.ts';
import { importConfig } from './config-module.ts';

/** Names of a configuration file, in the order they are looked for. */
export const CONFIG_FILES: readonly string[] = ['ts', 'mts', 'mjs', 'js', 'json'].map(
  (end) => `tidegate.config.${end}`,
);

/**
 * The named file, which must exist; else the first of the usual files in `cwd`. Returns undefined when there is none.
 */
export function findConfigFile({
  file,
  cwd,
}: {
  readonly file?: string | undefined;
  readonly cwd: string;
}): string | undefined {
  const candidates = (file === undefined ? CONFIG_FILES : [file]).map((name) => resolve(cwd, name));
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined || file === undefined) return found;
  throw new TidegateError('E_CONFIG', `expected a configuration file, got none at ${candidates[0]}`);
}

export async function readConfigFile(file: string): Promise<unknown> {
  try {
    if (extname(file) === '.json') return JSON.parse(readFileSync(file, 'utf8'));
    const given = await importConfig(file);
    if (given !== undefined) return given;
  } catch (error) {
    const reason = messageOf(error);
    throw new TidegateError('E_CONFIG', `${file} cannot be loaded: ${reason}`, { cause: error });
  }
  const expected = 'expected "export default defineConfig({ … })", got no default export';
  throw new TidegateError('E_CONFIG', `${file}: ${expected}`);
}
