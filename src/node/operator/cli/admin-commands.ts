// The commands that speak to a running gate: list, explain, deps, invalidate, purge, clear, tiers, stats.

import { CLEARABLE, type TierAgreement } from '../../../admin/contract.ts';
import type { EntryDependencies } from '../../../admin/dependencies.ts';
import type { GroupedDependencies } from '../../../admin/deps-api.ts';
import type { Explanation, InvalidationResult, ListPage } from '../../../engine/contract.ts';
import { type AdminAddress, type AdminCall, callAdmin, listPages } from './admin-client.ts';
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
import { type Call, type CommandRow, exactlyOne, type OptionRow, show, type Texts, UsageError } from './commands.ts';
import { adminUrl, atLeastOne, clientUrl, fieldLine, recordName, selecting } from './values.ts';

export interface CommonOptions extends AdminAddress {
  readonly json?: true;
  readonly header?: readonly string[];
}

export const COMMON_OPTIONS: readonly OptionRow[] = [
  [
    '--admin <url>',
    'URL of the admin API',
    { env: 'TIDEGATE_ADMIN', fallback: 'http://127.0.0.1:8081', read: adminUrl },
  ],
  [
    '--token <token>',
    'its token; others may see a command line. For this machine also TIDEGATE_ADMIN_TOKEN in .dev.vars',
    { env: 'TIDEGATE_ADMIN_TOKEN' },
  ],
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
      ['--tier <name>', 'only what this tier has', { choices: ['memory', 'disk', 'kv'] }],
      ['--limit <number>', 'entries at most', { read: atLeastOne, fallback: 100 }],
    ],
    run: list,
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

export function get(path: string, query: AdminCall['query'] = []): AdminCall {
  return { method: 'GET', path, query };
}

export function post(path: string, body?: object): AdminCall {
  return { method: 'POST', path, body };
}

export async function ask<Answer>(
  call: Call<CommonOptions>,
  asked: AdminCall,
  text: (answer: Answer) => string,
): Promise<Answer> {
  return show(call, (await callAdmin(call.options, asked)) as Answer, text);
}

type ListOptions = CommonOptions & Texts<'prefix' | 'tag' | 'tier'> & { readonly limit: number };

async function list(call: Call<ListOptions>): Promise<unknown> {
  const { prefix, tag, tier, limit } = call.options;
  const found: ListPage['entries'][number][] = [];
  let next: string | undefined;
  for await (const page of listPages(call.options, Object.entries({ prefix, tag, tier }), limit)) {
    found.push(...page.entries);
    next = page.next;
  }
  return show(call, next === undefined ? { entries: found } : { entries: found, next }, listText);
}

export function headersOf({ header = [] }: CommonOptions): (readonly [string, string])[] {
  return header.map((field) => ['header', field] as const);
}

function explain(call: Call<CommonOptions & { readonly method: string }>): Promise<unknown> {
  const { method } = call.options;
  const query = [...Object.entries({ url: call.argument, method, deps: '1' }), ...headersOf(call.options)];
  type Answer = Explanation & { readonly dependencies?: EntryDependencies };
  return ask(call, get('/explain', query), ({ dependencies, ...explanation }: Answer) => {
    const text = explainText(explanation);
    if (dependencies === undefined || dependencies.sources.length === 0) return text;
    return `${text}\n\n${entryDepsText(dependencies)}`;
  });
}

/** Three questions, each in its own words; two at once are a wrong command line. */
async function showDependencies(call: Call<CommonOptions & Texts<'table' | 'record' | 'source'>>): Promise<unknown> {
  const { table, record, source, header } = call.options;
  exactlyOne({ 'a URL': call.argument, '--table': table, '--record': record });
  if (call.argument === undefined && header !== undefined) throw new UsageError('a URL with --header', 'none');
  const query = [...Object.entries({ url: call.argument, table, record, source }), ...headersOf(call.options)];
  return ask(call, get('/deps', query), (answer: EntryDependencies | GroupedDependencies) =>
    'groups' in answer ? groupsText(answer) : entryDepsText(answer),
  );
}

interface SelectorOptions extends CommonOptions, Texts<'url' | 'prefix' | 'pattern' | 'origin'> {
  readonly tag?: readonly string[];
  readonly all?: true;
}

function changeRow(name: 'invalidate' | 'purge', done: string, help: string): CommandRow {
  return {
    name,
    help: `${help}; name them by exactly one of --url, --tag, --prefix, --pattern, --origin and --all`,
    options: [...COMMON_OPTIONS, ...SELECTOR_OPTIONS],
    run: async (call: Call<SelectorOptions>) => {
      const { url, tag, prefix, pattern, origin, all } = call.options;
      exactlyOne({
        ...{ '--url': url, '--tag': tag, '--prefix': prefix },
        ...{ '--pattern': pattern, '--origin': origin, '--all': all },
      });
      const body = tag?.length === 1 ? { tag: tag[0] } : { url, tags: tag, prefix, pattern, origin, all };
      const { matched } = await ask<InvalidationResult>(call, post(`/${name}`, body), changeText.bind(undefined, done));
      if (matched === 0 && tag !== undefined && call.options.json !== true) await tellOfTenants(call);
    },
  };
}

/** An operator's tags are those of the configuration file's own routes. */
async function tellOfTenants({ io, options }: Call<CommonOptions>): Promise<void> {
  // A Worker knows no tenants, and a tenant no others: what was asked is done, whatever the answer.
  const known = await callAdmin(options, get('/tenants')).catch(() => undefined);
  const [first] = (known as { readonly tenants: readonly { readonly name: string }[] } | undefined)?.tenants ?? [];
  if (first !== undefined)
    io.print(
      `tags of tenants are names of their own: --admin ${options.admin}/tenants/${first.name} reaches those of ${first.name}`,
    );
}

async function clear(call: Call<CommonOptions & Texts<'tier'>>): Promise<unknown> {
  const { tier } = call.options;
  if (tier === undefined) return ask(call, post('/clear'), changeText.bind(undefined, 'cleared'));
  return ask(call, post('/tiers/clear', { tier }), ({ removed }: { readonly removed: number }) => {
    return `cleared ${tier}: ${entries(removed)} removed`;
  });
}
