// The file of a configuration: finds it and reads it, a module anew at each load, without checking its content.
//
// In a project whose package.json says `"type": "commonjs"`, as `npm init` writes it, Node takes a
// `.ts` file for CommonJS and trips over `export default`. Such a file is always meant as an ES module here.

import { existsSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf, TidegateError } from '../../errors.ts';

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

/** The extension that marks CommonJS. */
const CTS = /\.cts(?:\?|$)/;

let loads = 0;

/** The default export; returns undefined when there is none. */
async function importConfig(file: string): Promise<unknown> {
  // A module is evaluated once for each URL: the query makes every load a new one.
  const url = `${pathToFileURL(file)}?load=${++loads}`;
  const hooks = registerHooks({
    load: (asked, context, nextLoad) => {
      const isMeant = context.format === 'commonjs-typescript' && !CTS.test(asked);
      return nextLoad(asked, isMeant ? { ...context, format: 'module-typescript' } : context);
    },
  });
  try {
    const module: { readonly default?: unknown } = await import(/* @vite-ignore */ url);
    return module.default;
  } finally {
    hooks.deregister();
  }
}
