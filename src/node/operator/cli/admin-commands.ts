// The commands that speak to a running gate: list, explain, deps, invalidate, purge, clear, tiers, stats.

import { CLEARABLE, type TierAgreement } from '../../../admin/contract.ts';
import type { EntryDependencies } from '../../../admin/dependencies.ts';
import type { GroupedDependencies } from '../../../admin/explain.ts';
import type { Explanation, ListPage } from '../../../engine/contract.ts';
import { type AdminAddress, type AdminCall, callAdmin } from './admin-client.ts';
import {
  agreementText,
  changeText,
  entries,
  entryDepsText,
  explainText,
  groupsText,
  holdingsText,
  listText,
  statsText,
} from './admin-text.ts';
import { type Call, type CommandRow, exactlyOne, type OptionRow, show, UsageError } from './commands.ts';
import { adminUrl, atLeastOne, clientUrl, fieldLine, recordName, selecting } from './values.ts';

export interface CommonOptions {
  readonly admin: string;
  readonly token?: string;
  readonly json?: true;
  readonly header?: readonly string[];
}

export const COMMON_OPTIONS: readonly OptionRow[] = [
  [
    '--admin <url>',
    'URL of the admin API',
    { env: 'TIDEGATE_ADMIN', fallback: 'http://127.0.0.1:8081', read: adminUrl },
  ],
  ['--token <token>', 'its token; others may see a command line', { env: 'TIDEGATE_ADMIN_TOKEN' }],
  ['--json', 'print the JSON of the answer'],
];

/** Not variadic, or it would take a URL for another field. */
export function headerOption(whose: string): OptionRow {
  return ['-H, --header <field>', `"Name: value" ${whose}; may be repeated`, { read: fieldLine, repeats: true }];
}

const SELECTOR_OPTIONS: readonly OptionRow[] = [
  ['--url <url>', 'all variants and methods of one URL', { read: selecting('url') }],
  ['--tag <tag...>', 'entries that have the tag, or any of several', { read: selecting('tag'), repeats: true }],
  ['--prefix <prefix>', 'URLs that begin with it', { read: selecting('prefix') }],
  ['--pattern <glob>', 'URLs that match: * any run of characters, ? one character', { read: selecting('pattern') }],
  ['--origin <name>', 'all of one origin, by its name in the configuration', { read: selecting('origin') }],
  ['--all', 'everything'],
];

export const ADMIN_COMMANDS: readonly CommandRow[] = [
  {
    name: 'list',
    help: 'list stored responses, in the order of their keys',
    options: [
      ...COMMON_OPTIONS,
      ['--prefix <prefix>', 'only URLs that begin with it', { read: selecting('prefix') }],
      ['--tag <tag>', 'only entries that have it', { read: selecting('tag') }],
      ['--tier <name>', 'only what this tier has', { choices: ['memory', 'disk'] }],
      ['--limit <number>', 'entries at most', { read: atLeastOne, fallback: 100 }],
    ],
    run: async (call: Call<CommonOptions & ListOptions>) => show(call, await listPages(call.options), listText),
  },
  {
    name: 'explain',
    help: 'say why a URL is, or is not, answered from the cache',
    argument: ['<url>', 'absolute URL as clients ask for it', { read: clientUrl }],
    options: [
      ...COMMON_OPTIONS,
      ['-X, --method <method>', 'request method', { fallback: 'GET' }],
      headerOption('of the request'),
    ],
    run: explain,
  },
  {
    name: 'deps',
    help: 'show what a URL, or all that is stored, depends on: records, conditions, tables',
    argument: ['[url]', 'absolute URL as clients ask for it', { read: clientUrl }],
    options: [
      ...COMMON_OPTIONS,
      ['-t, --table <table>', 'URLs whose answers were read from the table'],
      [
        '-r, --record <table:key>',
        'URLs whose answers show the record, e.g. users:7; prices:3,de',
        { read: recordName },
      ],
      ['-s, --source <name>', 'only of this source, as its tracker calls itself'],
      headerOption('of the request for the URL'),
    ],
    run: showDependencies,
  },
  changeRow('invalidate', 'invalidated', 'mark entries outdated'),
  changeRow('purge', 'purged', 'remove entries'),
  {
    name: 'clear',
    help: 'remove all entries, or what one tier has',
    options: [...COMMON_OPTIONS, ['--tier <name>', 'only what this tier has', { choices: CLEARABLE }]],
    run: clear,
  },
  {
    name: 'tiers',
    help: 'show what memory, disk and manifest hold, and whether they agree',
    options: [...COMMON_OPTIONS, ['--check', 'compare them entry by entry; ends with 1 when they do not agree']],
    run: async (call: Call<CommonOptions & { readonly check?: true }>) => {
      if (call.options.check !== true) return ask(call, get('/tiers'), holdingsText);
      const { agree } = await ask(call, get('/tiers/check'), (answer: TierAgreement) => agreementText(answer));
      return agree;
    },
  },
  {
    name: 'stats',
    help: 'show the counters since the start',
    options: COMMON_OPTIONS,
    run: (call: Call<CommonOptions>) => ask(call, get('/stats'), statsText),
  },
];

export function addressOf({ admin, token }: CommonOptions): AdminAddress {
  return { url: admin, token };
}

export function get(path: string, query: AdminCall['query'] = []): AdminCall {
  return { method: 'GET', path, query };
}

/** Calls the API, and prints its answer. */
export async function ask<Answer>(
  call: Call<CommonOptions>,
  asked: AdminCall,
  text: (answer: Answer) => string,
): Promise<Answer> {
  return show(call, (await callAdmin(addressOf(call.options), asked)) as Answer, text);
}

/** Size of the API's pages when a list is put together. */
const PAGE = 1000;

interface ListOptions {
  readonly prefix?: string;
  readonly tag?: string;
  readonly tier?: string;
  readonly limit: number;
}

async function listPages(options: CommonOptions & ListOptions): Promise<ListPage> {
  const { prefix, tag, tier } = options;
  const found: ListPage['entries'][number][] = [];
  let after: string | undefined;
  do {
    const limit = String(Math.min(PAGE, options.limit - found.length));
    const query = given({ prefix, tag, tier, after, limit });
    const page = (await callAdmin(addressOf(options), get('/entries', query))) as ListPage;
    found.push(...page.entries);
    after = page.next;
  } while (after !== undefined && found.length < options.limit);
  return after === undefined ? { entries: found } : { entries: found, next: after };
}

/** Names and values, without those that are undefined. */
function given(values: Readonly<Record<string, string | undefined>>): (readonly [string, string])[] {
  return Object.entries(values).filter((pair): pair is [string, string] => pair[1] !== undefined);
}

function headersOf({ header = [] }: CommonOptions): (readonly [string, string])[] {
  return header.map((field) => ['header', field] as const);
}

type Explained = Explanation & { readonly dependencies?: EntryDependencies };

function explain(call: Call<CommonOptions & { readonly method: string }>): Promise<unknown> {
  const { method } = call.options;
  const query = [...given({ url: call.argument, method, deps: '1' }), ...headersOf(call.options)];
  return ask(call, get('/explain', query), ({ dependencies, ...explanation }: Explained) => {
    const text = explainText(explanation);
    if (dependencies === undefined || dependencies.sources.length === 0) return text;
    return `${text}\n\n${entryDepsText(dependencies)}`;
  });
}

interface DepsOptions extends CommonOptions {
  readonly table?: string;
  readonly record?: string;
  readonly source?: string;
}

/** Three questions, each in its own words; two at once are a wrong command line. */
async function showDependencies(call: Call<DepsOptions>): Promise<unknown> {
  const { table, record, source, header } = call.options;
  exactlyOne({ 'a URL': call.argument, '--table': table, '--record': record });
  if (call.argument === undefined && header !== undefined) throw new UsageError('a URL with --header', 'none');
  const query = [...given({ url: call.argument, table, record, source }), ...headersOf(call.options)];
  return ask(call, get('/deps', query), (answer: EntryDependencies | GroupedDependencies) =>
    'groups' in answer ? groupsText(answer) : entryDepsText(answer),
  );
}

interface SelectorOptions extends CommonOptions {
  readonly url?: string;
  readonly tag?: readonly string[];
  readonly prefix?: string;
  readonly pattern?: string;
  readonly origin?: string;
  readonly all?: true;
}

function changeRow(name: 'invalidate' | 'purge', done: string, help: string): CommandRow {
  return {
    name,
    help: `${help}; name them by exactly one of --url, --tag, --prefix, --pattern, --origin and --all`,
    options: [...COMMON_OPTIONS, ...SELECTOR_OPTIONS],
    run: async (call: Call<SelectorOptions>) => {
      const body = selectorBody(call.options);
      return ask(call, { method: 'POST', path: `/${name}`, body }, changeText.bind(undefined, done));
    },
  };
}

function selectorBody({ url, tag, prefix, pattern, origin, all }: SelectorOptions): object {
  exactlyOne({
    '--url': url,
    '--tag': tag,
    '--prefix': prefix,
    '--pattern': pattern,
    '--origin': origin,
    '--all': all,
  });
  return tag === undefined || tag.length > 1 ? { url, tags: tag, prefix, pattern, origin, all } : { tag: tag[0] };
}

async function clear(call: Call<CommonOptions & { readonly tier?: string }>): Promise<unknown> {
  const { tier } = call.options;
  if (tier === undefined) return ask(call, { method: 'POST', path: '/clear' }, changeText.bind(undefined, 'cleared'));
  return ask(
    call,
    { method: 'POST', path: '/tiers/clear', body: { tier } },
    ({ removed }: { readonly removed: number }) => {
      return `cleared ${tier}: ${entries(removed)} removed`;
    },
  );
}
