// The commands `init`, and `init workers`: that writes a project to begin with into a folder, from the files of the package's folder
// `templates`.
//
// All is looked at before anything is written: a file that stands there already is somebody's work.

import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TidegateError } from '../../../errors.ts';
import type { Call, CommandRow } from './commands.ts';
import { INIT_OPTIONS, initConfig } from './init-config.ts';
import { printable } from './text.ts';

interface InitOptions {
  readonly name?: string;
  readonly tidegate?: string;
  readonly force?: true;
}

export const INIT: CommandRow = {
  name: 'init',
  help: 'write a configuration with comments; asks on a terminal for what flags do not say',
  options: INIT_OPTIONS,
  ends: 'Ends with 1, having written nothing, when the file is there already.',
  run: initConfig,
  commands: [
    {
      name: 'workers',
      help: 'write a project for Cloudflare Workers: an API in Hono on D1 behind a gate, for wrangler',
      argument: ['[folder]', 'where to; default: this folder'],
      options: [
        ['--name <name>', 'name of the Worker; default: that of the folder'],
        ['--tidegate <version>', 'what of tidegate npm installs; default: this version'],
        ['--force', 'replace files that are there already'],
      ],
      ends: 'Ends with 1, having written nothing, when one of its files is there already.',
      run: initWorkers,
    },
  ],
};

async function initWorkers({ io, argument = '.', options }: Call<InitOptions>): Promise<void> {
  const folder = resolve(argument);
  const name = workerName(options.name, folder);
  const files = projectFiles({ name, tidegate: options.tidegate });
  const there = [...files.keys()].filter((path) => existsSync(join(folder, path)));
  if (there.length > 0 && options.force !== true) {
    const wanted = `a folder without ${there.join(', ')}`;
    throw new TidegateError('E_CONFIG', `expected ${wanted}, got ${folder}; --force replaces them`);
  }
  const example = files.get('.dev.vars.example') as string;
  const token = randomBytes(24).toString('base64url');
  // Never replaced: nobody else has the secrets that stand there.
  if (!existsSync(join(folder, '.dev.vars')))
    files.set('.dev.vars', example.replace(/^#.*\n/gm, '').replace(/=.*/, `=${token}`));
  for (const [path, text] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const enter = argument === '.' ? '' : `cd ${printable(argument)} && `;
  io.print(`${files.size} files in ${printable(folder)}. Next: ${enter}npm install && npm run dev`);
}

/** The files of the project by their paths in it. */
function projectFiles(given: { readonly name: string; readonly tidegate: string | undefined }): Map<string, string> {
  const root = dirname(fileURLToPath(import.meta.resolve('tidegate/package.json')));
  const templates = join(root, 'templates', 'workers');
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string };
  const tidegate = JSON.stringify(given.tidegate ?? `^${version}`).slice(1, -1);
  const paths = readdirSync(templates, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const files = paths.sort().map((path) => {
    const text = readFileSync(path, 'utf8').replaceAll('"VERSION"', `"${tidegate}"`);
    // npm leaves a .gitignore out of packages.
    const place = path.slice(templates.length + 1).replace(/^gitignore$/, '.gitignore');
    return [place, text.replaceAll(/\bNAME\b/g, given.name)] as const;
  });
  return new Map(files);
}

/** Cloudflare takes lower-case letters, digits and dashes, 63 at most; the databases' names have endings. */
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,50}[a-z0-9])?$/;

function workerName(asked: string | undefined, folder: string): string {
  const name =
    asked ??
    basename(folder)
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '');
  if (NAME.test(name)) return name;
  const wanted = 'a name of 1 to 52 lower-case letters, digits and inner dashes by --name';
  throw new TidegateError('E_CONFIG', `expected ${wanted}, got ${JSON.stringify(name)}`);
}
