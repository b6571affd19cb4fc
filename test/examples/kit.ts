// Runs examples as their readers do, and puts them and what they print where a document shows them.
//
// `tidegate` is the sources (from-sources.ts); other libraries that are
// moved away from are a package of their own in bench/peers, which need not be installed.

import { execFile } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const NODE = join(ROOT, 'node_modules', '.bin', 'node');

export const hasPeers = existsSync(join(ROOT, 'bench', 'peers', 'node_modules', 'bentocache'));

export interface Ran {
  readonly code: number;
  readonly text: string;
  readonly errors: string;
}

/** By the names that documents call them, e.g. `kinds.ts` and `migrating/bentocache.ts`. */
export function exampleNames(): string[] {
  // The demo is started by `tidegate serve --demo`, fly/ is a configuration; both have tests of their own.
  const paths = globSync('examples/**/*.{ts,mjs}', {
    cwd: ROOT,
    exclude: (path) => /node_modules|demo$|fly$/.test(path),
  });
  return paths.map((path) => path.slice('examples/'.length).replaceAll('\\', '/')).sort();
}

/** Examples that are not run: one needs an account, one is a test for a runner of tests, one is a part of others. */
const NOT_RUN: ReadonlySet<string> = new Set(['migrating/upstash-before.ts', 'rest/show.ts', 'store-contract.ts']);

/** They take the address of an empty database from DATABASE_URL. */
const ON_POSTGRES: ReadonlySet<string> = new Set(['rest/drizzle.ts', 'rest/postgres.ts']);

export function isRun(name: string): boolean {
  return !NOT_RUN.has(name) && (hasPeers || !isBefore(name));
}

export function isOnPostgres(name: string): boolean {
  return ON_POSTGRES.has(name);
}

/** Written for another library. */
export function isBefore(name: string): boolean {
  return name.endsWith('-before.mjs');
}

export interface RunOptions {
  /** For Node. */
  readonly flags?: readonly string[];
  readonly databaseUrl?: string | undefined;
}

export function run(name: string, { flags = [], databaseUrl }: RunOptions = {}): Promise<Ran> {
  const args = ['--import', join(ROOT, 'test', 'examples', 'from-sources.ts'), ...flags, join(ROOT, 'examples', name)];
  const plain = { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1', FORCE_COLOR: '0' };
  const env = databaseUrl === undefined ? plain : { ...plain, DATABASE_URL: databaseUrl };
  return new Promise((resolve) => {
    execFile(NODE, args, { env, timeout: 60_000 }, (error, text, errors) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, text, errors });
    });
  });
}

/** What stands in documents: all but the comment at the beginning. */
export function shownSource(name: string): string {
  const source = readFileSync(join(ROOT, 'examples', name), 'utf8');
  return source.replace(/^(?:\/\/.*\n)+\n/, '');
}

// A mark, a block with the source, and perhaps right after it a block with what it prints.
const SHOWN = /^<!-- example: (\S+) -->\n```(\w+)\n.*?^```\n(?:\n```text\n.*?^```\n)?/gms;

export function namesIn(markdown: string): string[] {
  return [...markdown.matchAll(SHOWN)].map((match) => match[1] as string);
}

/** The document with its examples as they are, and what they print. */
export function composed(markdown: string, printed: ReadonlyMap<string, string>): string {
  return markdown.replace(SHOWN, (block: string, name: string, language: string) => {
    const source = `<!-- example: ${name} -->\n\`\`\`${language}\n${shownSource(name)}\`\`\`\n`;
    const text = printed.get(name);
    const kept = block.slice(block.indexOf('\n```\n') + '\n```\n'.length);
    if (!kept.includes('```text')) return source;
    return text === undefined ? source + kept : `${source}\n\`\`\`text\n${text}\`\`\`\n`;
  });
}
