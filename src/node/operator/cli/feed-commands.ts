// The commands `tidegate feed`: install, remove, status and run.
//
// Modules that only some of them need, such as the driver of PostgreSQL, are loaded by those commands.

import { TidegateError } from '../../../errors.ts';
import { type Call, type CommandRow, type OptionRow, PROCESS_IO, show, UsageError } from './commands.ts';
import { type FeedBackend, type FeedReport, installText, planText, removalText, statusText } from './feed-report.ts';
import { type FeedFlags, type FeedSource, type RunFlags, sourceOf, withoutPassword } from './feed-source.ts';
import { adminUrl, connectionString, portNumber, slotName, tableNames } from './values.ts';

const ENDS = `Ends with 0 when all is well, with 1 when the feed does not tell all it should or the database cannot be asked, with 2
for a wrong command line.`;

const SOURCE: OptionRow = ['[source]', 'name of a database in `sources` of the configuration'];

const SOURCE_OPTIONS: readonly OptionRow[] = [
  ['--config <file>', 'configuration file; default: tidegate.config.{ts,mts,mjs,js,json} in this folder'],
  ['--source <name>', 'the same, or the name of one that the flags describe'],
  ['--sqlite <file>', 'a file of SQLite'],
  [
    '--postgres <connection>',
    'a database of PostgreSQL; a password is better in TIDEGATE_POSTGRES',
    { read: connectionString },
  ],
  ['--tables <names>', 'only these tables, with commas between them', { read: tableNames }],
  ['--slot <name>', 'replication slot (default tidegate_<source>)', { read: slotName }],
  ['--publication <name>', 'publication (default: the name of the slot)'],
  ['--identity <how>', 'how much of an old row PostgreSQL logs', { choices: ['full', 'key'] }],
  ['--trigger-log', 'triggers in PostgreSQL, for a role that may not replicate'],
];

const JSON_OPTION: OptionRow = ['--json', 'print JSON'];
const DRY_RUN: OptionRow = ['--dry-run', 'print the statements that it would run instead'];

export const FEED: CommandRow = {
  name: 'feed',
  help: 'tell of the changes of a database: install what that needs, look after it, run it',
  commands: [
    {
      name: 'install',
      help: 'install what tells of changes; harmless when repeated',
      argument: SOURCE,
      options: [...SOURCE_OPTIONS, JSON_OPTION, DRY_RUN],
      ends: ENDS,
      run: (call: Call<FeedFlags>) => onBackend(call, install),
    },
    {
      name: 'remove',
      help: 'take away all that was installed',
      argument: SOURCE,
      options: [...SOURCE_OPTIONS, JSON_OPTION, DRY_RUN],
      run: (call: Call<FeedFlags>) => onBackend(call, remove),
    },
    {
      name: 'status',
      help: 'show of which tables changes are told, and what is amiss',
      argument: SOURCE,
      options: [...SOURCE_OPTIONS, JSON_OPTION],
      ends: ENDS,
      run: (call: Call<FeedFlags>) => onBackend(call, status),
    },
    {
      name: 'run',
      help: 'follow the database, for applications of several processes, and tell gates',
      argument: SOURCE,
      options: [
        ...SOURCE_OPTIONS,
        ['--install', 'install the feed first, and on tables that are made later'],
        ['--gate <url>', 'admin API of a gate; may be repeated', { read: adminUrl, repeats: true }],
        ['--gate-token <token>', 'its token', { env: 'TIDEGATE_ADMIN_TOKEN' }],
        ['--host <address>', 'address to listen on', { fallback: '127.0.0.1' }],
        ['--port <number>', 'port to listen on (0: any free one)', { read: portNumber, fallback: 7070 }],
        ['--token <token>', 'what applications have to send', { env: 'TIDEGATE_FEED_TOKEN' }],
        [
          '--log-level <level>',
          'what is logged',
          { choices: ['debug', 'info', 'warn', 'error', 'silent'], fallback: 'info' },
        ],
      ],
      run,
    },
  ],
};

/** Does one thing with the database; false: it ends with 1. */
function onBackend(
  call: Call<FeedFlags>,
  work: (backend: FeedBackend, call: Call<FeedFlags>) => Promise<boolean>,
): Promise<boolean> {
  return withSource(call, async (source) => {
    const backend = await (source.kind === 'sqlite'
      ? (await import('./feed-sqlite.ts')).openSqliteBackend(source)
      : (await import('./feed-postgres.ts')).openPostgresBackend(source));
    try {
      return await work(backend, call);
    } finally {
      await backend.close();
    }
  });
}

/** No error shows the password; a defect keeps its stack. */
async function withSource<T>(call: Call<FeedFlags>, work: (source: FeedSource) => Promise<T>): Promise<T> {
  const source = await sourceOf(call);
  try {
    return await work(source);
  } catch (cause) {
    if (!(cause instanceof TidegateError) || source.kind === 'sqlite') throw cause;
    throw new TidegateError(cause.code, withoutPassword(cause.message, source.connection));
  }
}

/** What `feed status` reports of a database of the configuration. Rejects with E_FEED. */
export async function feedStatus(source: string, config: string | undefined): Promise<FeedReport> {
  const reports: FeedReport[] = [];
  const options = { source, ...(config !== undefined && { config }) };
  await onBackend({ io: PROCESS_IO, argument: undefined, options }, async (backend) => {
    reports.push(await backend.status());
    return true;
  });
  return reports[0] as FeedReport;
}

async function install(backend: FeedBackend, call: Call<FeedFlags>): Promise<boolean> {
  const statements = await backend.plan();
  if (call.options.dryRun === true) {
    show(call, { statements }, () => planText(statements, 'nothing to do, all is there'));
    return true;
  }
  const before = await backend.status();
  await backend.install();
  const after = await backend.status();
  const toldBefore = new Set(before.tables.filter(({ isTold }) => isTold).map(({ name }) => name));
  const told = after.tables.filter(({ isTold }) => isTold).map(({ name }) => name);
  const made = told.filter((name) => !toldBefore.has(name));
  show(call, { made, isNews: statements.length > 0, ...after }, installText);
  return after.isHealthy;
}

async function remove(backend: FeedBackend, call: Call<FeedFlags>): Promise<boolean> {
  if (call.options.dryRun === true) {
    const statements = await backend.planRemoval();
    show(call, { statements }, () => planText(statements, 'nothing to remove'));
  } else show(call, await backend.remove(), removalText);
  return true;
}

async function status(backend: FeedBackend, call: Call<FeedFlags>): Promise<boolean> {
  const report = await backend.status();
  show(call, report, statusText);
  return report.isHealthy;
}

function run(call: Call<RunFlags>): Promise<void> {
  return withSource(call, async (source) => {
    if (source.name === undefined) throw new UsageError('the name of the source, by --source', 'none');
    if (call.options.install === true && source.tables !== 'all') {
      throw new UsageError('--install for all tables', 'it with some');
    }
    await (await import('./feed-run.ts')).runFeed(source, call);
  });
}
