// `npm run bench -- NAME [flags]`: runs one bench. All share `--json FILE`; the other flags are the bench's own.
// `--install-peers`, alone or with a name: first installs from Debian the programs that benches compare with. Libraries of npm
// are installed by the benches that run them.

import { parseArgs } from 'node:util';
import { installPeers } from './hits/install.ts';
import { conclude, type Report } from './report.ts';

/** A bench module: takes the flags after its name. */
export interface Bench {
  run(flags: readonly string[]): Promise<Report>;
}

const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  attack: () => load('./attack.ts'),
  beside: () => load('./beside.ts'),
  ceiling: () => load('./ceiling.ts'),
  cluster: () => load('./cluster.ts'),
  codecs: () => load('./codecs.ts'),
  data: () => load('./data.ts'),
  disk: () => load('./disk.ts'),
  feed: () => load('./feed.ts'),
  hits: () => load('./hits.ts'),
  match: () => load('./match.ts'),
  memory: () => load('./memory.ts'),
  policy: () => load('./policy.ts'),
  precision: () => load('./precision.ts'),
  prober: () => load('./prober.ts'),
  share: () => load('./share.ts'),
  stats: () => load('./stats.ts'),
  warm: () => load('./warm.ts'),
  workers: () => load('./workers.ts'),
};

async function load(path: string): Promise<Bench> {
  return (await import(path)) as Bench;
}

async function main(): Promise<void> {
  const [name = '', ...args] = process.argv.slice(2);
  if (name === '--install-peers') {
    process.exitCode = installPeers() ? 0 : 1;
    return;
  }
  const bench = Object.hasOwn(benches, name) ? benches[name] : undefined;
  if (bench === undefined) {
    console.error(`bench: expected one of ${Object.keys(benches).join(', ')}, or --install-peers; got '${name}'`);
    process.exitCode = 2;
    return;
  }
  const isInstalling = args.includes('--install-peers');
  if (isInstalling && !installPeers()) {
    process.exitCode = 1;
    return;
  }
  const { json, flags } = withoutJson(args.filter((arg) => arg !== '--install-peers'));
  conclude(name, await (await bench()).run(flags), json);
}

/** A misspelt flag is the user's, any other error ours. */
function fail(error: unknown): void {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code?.startsWith('ERR_PARSE_ARGS') !== true) throw error;
  console.error(`bench: ${message}`);
  process.exitCode = 2;
}

/** Takes `--json FILE` from the flags and leaves the rest as it is. */
function withoutJson(args: readonly string[]): { json: string | undefined; flags: string[] } {
  const { tokens, values } = parseArgs({
    args: [...args],
    options: { json: { type: 'string' } },
    strict: false,
    tokens: true,
  });
  const drop = new Set<number>();
  for (const token of tokens) {
    if (token.kind !== 'option' || token.name !== 'json') continue;
    drop.add(token.index);
    if (token.inlineValue === false) drop.add(token.index + 1);
  }
  const json = typeof values.json === 'string' ? values.json : undefined;
  return { json, flags: args.filter((_, at) => !drop.has(at)) };
}

await main().catch(fail);
