// The commands that speak to a running gate: list, explain, invalidate, purge, clear, stats.
//
// A wrong command line exits with 2, where commander would use 1; a refusal by the gate, or a missing gate, exits with
// 1.

import { type Command, type CommanderError, Option } from 'commander';
import type { EntryDependencies } from '../../../admin/dependencies.ts';
import { CLEARABLE, type TierAgreement, type TierHoldings } from '../../../admin/tiers-api.ts';
import type { Explanation, GateStats, InvalidationResult, ListPage } from '../../../engine/contract.ts';
import { TidegateError } from '../../../errors.ts';
import { type AdminAddress, type AdminCall, callAdmin } from './admin-client.ts';
import { changeText, entries, explainText, listText, printable, statsText } from './admin-text.ts';
import { adminUrl, atLeastOne, clientUrl, fieldLine, selecting, several } from './cli-values.ts';
import { entryDepsText } from './deps-text.ts';
import { agreementText, holdingsText } from './tiers-text.ts';

/** Output and exit of the commands; the defaults are the process's own. Lines come without a line break. */
export interface AdminCommandIo {
  readonly print?: (text: string) => void;
  readonly printError?: (text: string) => void;
  /** Called for every end but success; must not return. */
  readonly exit?: (code: number) => never;
}

export const DEFAULT_IO: Required<AdminCommandIo> = {
  print: (text) => void process.stdout.write(`${text}\n`),
  printError: (text) => void process.stderr.write(`${text}\n`),
  exit: (code) => process.exit(code),
};

export interface CommonOptions {
  readonly admin: string;
  readonly token?: string;
  readonly json?: boolean;
}

/** Adds the commands to the program. */
export function registerAdminCommands(program: Command, io: AdminCommandIo = {}): void {
  const ends = { ...DEFAULT_IO, ...io };
  addList(program, ends);
  addExplain(program, ends);
  addChange(program, ends, { name: 'invalidate', done: 'invalidated', help: 'mark entries outdated' });
  addChange(program, ends, { name: 'purge', done: 'purged', help: 'remove entries' });
  addClear(program, ends);
  addTiers(program, ends);
  adminCommand(program, ends, 'stats')
    .description('show the counters since the start')
    .action((options: CommonOptions) =>
      runAsked<GateStats>(ends, options, { calls: (ask) => ask({ method: 'GET', path: '/stats' }), text: statsText }),
    );
}

export function adminCommand(program: Command, io: Required<AdminCommandIo>, name: string): Command {
  return program
    .command(name)
    .configureOutput({
      writeOut: (text) => io.print(text.trimEnd()),
      writeErr: (text) => io.printError(text.trimEnd().split('\n').map(printable).join('\n')),
    })
    .exitOverride((error: CommanderError) => io.exit(error.exitCode === 0 ? 0 : 2))
    .addOption(
      new Option('--admin <url>', 'URL of the admin API')
        .env('TIDEGATE_ADMIN')
        .default('http://127.0.0.1:8081')
        .argParser(adminUrl),
    )
    .addOption(new Option('--token <token>', 'its token; others may see a command line').env('TIDEGATE_ADMIN_TOKEN'))
    .option('--json', 'print the JSON of the answer');
}

function addClear(program: Command, io: Required<AdminCommandIo>): void {
  adminCommand(program, io, 'clear')
    .description('remove all entries, or what one tier has')
    .addOption(new Option('--tier <name>', 'only what this tier has').choices(CLEARABLE))
    .action((options: CommonOptions & { tier?: string }) => {
      const { tier } = options;
      if (tier === undefined) {
        return runAsked<InvalidationResult>(io, options, {
          calls: (ask) => ask({ method: 'POST', path: '/clear' }),
          text: (result) => changeText('cleared', result),
        });
      }
      return runAsked<{ readonly removed: number }>(io, options, {
        calls: (ask) => ask({ method: 'POST', path: '/tiers/clear', body: { tier } }),
        text: ({ removed }) => `cleared ${tier}: ${entries(removed)} removed`,
      });
    });
}

function addTiers(program: Command, io: Required<AdminCommandIo>): void {
  adminCommand(program, io, 'tiers')
    .description('show what memory, disk and manifest hold, and whether they agree')
    .option('--check', 'compare them entry by entry; ends with 1 when they do not agree')
    .action(async (options: CommonOptions & { check?: true }) => {
      if (options.check !== true) {
        return runAsked<TierHoldings>(io, options, {
          calls: (ask) => ask({ method: 'GET', path: '/tiers' }),
          text: holdingsText,
        });
      }
      let agree = true;
      await runAsked<TierAgreement>(io, options, {
        calls: async (ask) => {
          const answer = await ask({ method: 'GET', path: '/tiers/check' });
          agree = (answer as TierAgreement).agree;
          return answer;
        },
        text: agreementText,
      });
      if (!agree) io.exit(1);
    });
}

type Ask = (call: AdminCall) => Promise<unknown>;

interface Work<T> {
  readonly calls: (ask: Ask) => Promise<unknown>;
  readonly text: (answer: T) => string;
}

/** Calls the API, prints, and ends on a failure. */
export async function runAsked<T>(io: Required<AdminCommandIo>, options: CommonOptions, work: Work<T>): Promise<void> {
  const at: AdminAddress = { url: options.admin, token: options.token };
  let text: string;
  try {
    const answer = await work.calls((call) => callAdmin(at, call));
    text = options.json === true ? JSON.stringify(answer) : work.text(answer as T);
  } catch (error) {
    return failed(io, error);
  }
  io.print(text);
}

/** Prints the failure, and ends. */
export function failed(io: Required<AdminCommandIo>, error: unknown): never {
  const code = error instanceof TidegateError ? error.code : 'E_ADMIN';
  io.printError(`${code}: ${printable((error as Error).message)}`);
  return io.exit(1);
}

function addList(program: Command, io: Required<AdminCommandIo>): void {
  adminCommand(program, io, 'list')
    .description('list stored responses, in the order of their keys')
    .option('--prefix <prefix>', 'only URLs that begin with it', selecting('prefix'))
    .option('--tag <tag>', 'only entries that have it', selecting('tag'))
    .addOption(new Option('--tier <name>', 'only what this tier has').choices(['memory', 'disk']))
    .option('--limit <number>', 'entries at most', atLeastOne, 100)
    .action((options: CommonOptions & ListOptions) =>
      runAsked<ListPage>(io, options, { calls: (ask) => listPages(ask, options), text: listText }),
    );
}

/** Size of the API's pages when a list is put together. */
const PAGE = 1000;

interface ListOptions {
  readonly prefix?: string;
  readonly tag?: string;
  readonly tier?: string;
  readonly limit: number;
}

async function listPages(ask: Ask, options: ListOptions): Promise<ListPage> {
  const entries: ListPage['entries'][number][] = [];
  let after: string | undefined;
  do {
    const limit = String(Math.min(PAGE, options.limit - entries.length));
    const wanted = Object.entries({ prefix: options.prefix, tag: options.tag, tier: options.tier, after, limit });
    const query = wanted.filter((pair): pair is [string, string] => pair[1] !== undefined);
    const page = (await ask({ method: 'GET', path: '/entries', query })) as ListPage;
    entries.push(...page.entries);
    after = page.next;
  } while (after !== undefined && entries.length < options.limit);
  return after === undefined ? { entries } : { entries, next: after };
}

function addExplain(program: Command, io: Required<AdminCommandIo>): void {
  adminCommand(program, io, 'explain')
    .description('say why a URL is, or is not, answered from the cache')
    .argument('<url>', 'absolute URL as clients ask for it', clientUrl)
    .option('-X, --method <method>', 'request method', 'GET')
    // Not variadic, or it would take the URL for another field.
    .option('-H, --header <field>', '"Name: value" of the request; may be repeated', several(fieldLine), [])
    .action((url: string, options: CommonOptions & { method: string; header: readonly string[] }) => {
      const headers = options.header.map((field) => ['header', field] as const);
      const query = [['url', url], ['method', options.method], ['deps', '1'], ...headers] as const;
      return runAsked<Explanation & { readonly dependencies?: EntryDependencies }>(io, options, {
        calls: (ask) => ask({ method: 'GET', path: '/explain', query }),
        text: ({ dependencies, ...explanation }) => {
          const hangsOn =
            dependencies === undefined || dependencies.sources.length === 0 ? '' : entryDepsText(dependencies);
          return explainText(explanation) + (hangsOn === '' ? '' : `\n\n${hangsOn}`);
        },
      });
    });
}

interface SelectorOptions {
  readonly url?: string;
  readonly tag?: readonly string[];
  readonly prefix?: string;
  readonly pattern?: string;
  readonly origin?: string;
  readonly all?: true;
}

interface ChangeCommand {
  readonly name: 'invalidate' | 'purge';
  /** The action on the entries. */
  readonly done: string;
  readonly help: string;
}

function addChange(program: Command, io: Required<AdminCommandIo>, { name, done, help }: ChangeCommand): void {
  adminCommand(program, io, name)
    .description(`${help}; name them by exactly one of --url, --tag, --prefix, --pattern, --origin and --all`)
    .option('--url <url>', 'all variants and methods of one URL', selecting('url'))
    .option('--tag <tag...>', 'entries that have the tag, or any of several', several(selecting('tag')))
    .option('--prefix <prefix>', 'URLs that begin with it', selecting('prefix'))
    .option('--pattern <glob>', 'URLs that match: * any run of characters, ? one character', selecting('pattern'))
    .option('--origin <name>', 'all of one origin, by its name in the configuration', selecting('origin'))
    .option('--all', 'everything')
    .action((options: CommonOptions & SelectorOptions, command: Command) => {
      const body = selectorBody(options, command);
      return runAsked<InvalidationResult>(io, options, {
        calls: (ask) => ask({ method: 'POST', path: `/${name}`, body }),
        text: (result) => changeText(done, result),
      });
    });
}

function selectorBody(options: SelectorOptions, command: Command): object {
  const { url, tag, prefix, pattern, origin, all } = options;
  const given = Object.entries({ url, tag, prefix, pattern, origin, all }).filter(([, value]) => value !== undefined);
  const [first] = given;
  if (first === undefined || given.length > 1) {
    const got = given.map(([name]) => `--${name}`).join(' and ') || 'none';
    command.error(`error: expected one of --url, --tag, --prefix, --pattern, --origin, --all, got ${got}`);
  }
  if (tag === undefined) return Object.fromEntries(given);
  return tag.length === 1 ? { tag: tag[0] } : { tags: tag };
}
