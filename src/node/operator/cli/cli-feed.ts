// The commands `tidegate feed`: install, remove, status and run.
//
// Modules that only some of them need, such as the driver of PostgreSQL, are loaded by those commands.

import { type Command, type CommanderError, InvalidArgumentError, Option } from 'commander';
import { TidegateError } from '../../../errors.ts';
import { printable } from './admin-text.ts';
import { type AdminCommandIo, DEFAULT_IO, failed } from './cli-admin.ts';
import type { FeedBackend } from './cli-feed-report.ts';
import type { FeedSource, RunFlags, SourceFlags } from './cli-feed-source.ts';
import { adminUrl, portNumber, several } from './cli-values.ts';

interface FeedFlags extends SourceFlags {
  readonly json?: true;
}

/** Flags of commands that install or remove. */
interface ChangingFlags extends FeedFlags {
  readonly dryRun?: true;
}

const STATUS_CODES = `
Ends with 0 when all is well, with 1 when the feed does not tell all it should or the database cannot be asked, with 2
for a wrong command line.`;

/** Adds the command to the program. */
export function registerFeedCommand(program: Command, io: AdminCommandIo = {}): void {
  const ends = { ...DEFAULT_IO, ...io };
  const feed = program
    .command('feed')
    .description('tell of the changes of a database: install what that needs, look after it, run it');
  sourceCommand(feed, ends, 'install')
    .description('install what tells of changes; harmless when repeated')
    .option('--dry-run', 'print the statements that it would run instead')
    .addHelpText('after', STATUS_CODES)
    .action((name: string | undefined, flags: ChangingFlags, command: Command) =>
      onBackend(ends, { name, flags, command }, (backend) => install(ends, backend, flags)),
    );
  sourceCommand(feed, ends, 'remove')
    .description('take away all that was installed')
    .option('--dry-run', 'print the statements that it would run instead')
    .action((name: string | undefined, flags: ChangingFlags, command: Command) =>
      onBackend(ends, { name, flags, command }, (backend) => remove(ends, backend, flags)),
    );
  sourceCommand(feed, ends, 'status')
    .description('show of which tables changes are told, and what is amiss')
    .addHelpText('after', STATUS_CODES)
    .action((name: string | undefined, flags: FeedFlags, command: Command) =>
      onBackend(ends, { name, flags, command }, async (backend) => {
        const report = await backend.status();
        const { statusText } = await import('./cli-feed-text.ts');
        ends.print(flags.json === true ? JSON.stringify(report) : statusText(report));
        return report.isHealthy;
      }),
    );
  addRun(feed, ends);
}

function sourceCommand(feed: Command, io: Required<AdminCommandIo>, name: string): Command {
  return databaseCommand(feed, io, name).option('--json', 'print JSON');
}

function databaseCommand(feed: Command, io: Required<AdminCommandIo>, name: string): Command {
  return feed
    .command(name)
    .configureOutput({
      writeOut: (text) => io.print(text.trimEnd()),
      writeErr: (text) => io.printError(text.trimEnd().split('\n').map(printable).join('\n')),
    })
    .exitOverride((error: CommanderError) => io.exit(error.exitCode === 0 ? 0 : 2))
    .argument('[source]', 'name of a database in `sources` of the configuration')
    .option('--config <file>', 'configuration file; default: tidegate.config.{ts,mts,mjs,js,json} in this folder')
    .option('--source <name>', 'the same, or the name of one that the flags describe')
    .option('--sqlite <file>', 'a file of SQLite')
    .option(
      '--postgres <connection>',
      'a database of PostgreSQL; a password is better in TIDEGATE_POSTGRES',
      connection,
    )
    .option('--tables <names>', 'only these tables, with commas between them', names)
    .option('--slot <name>', 'replication slot (default tidegate_<source>)', slot)
    .option('--publication <name>', 'publication (default: the name of the slot)')
    .addOption(new Option('--identity <how>', 'how much of an old row PostgreSQL logs').choices(['full', 'key']))
    .option('--trigger-log', 'triggers in PostgreSQL, for a role that may not replicate');
}

function addRun(feed: Command, io: Required<AdminCommandIo>): void {
  databaseCommand(feed, io, 'run')
    .description('follow the database, for applications of several processes, and tell gates')
    .option('--install', 'install the feed first, and on tables that are made later')
    .option('--gate <url>', 'admin API of a gate; may be repeated', several(adminUrl), [])
    .addOption(new Option('--gate-token <token>', 'its token').env('TIDEGATE_ADMIN_TOKEN'))
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <number>', 'port to listen on (0: any free one)', portNumber, 7070)
    .addOption(new Option('--token <token>', 'what applications have to send').env('TIDEGATE_FEED_TOKEN'))
    .addOption(
      new Option('--log-level <level>', 'what is logged')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .action(async (name: string | undefined, flags: RunFlags, command: Command) => {
      const { source, error } = await found({ name, flags, command });
      if (source === undefined) return failed(io, error);
      if (source.name === undefined) command.error('error: expected the name of the source, by --source, got none');
      if (flags.install === true && source.tables !== 'all') {
        command.error('error: expected --install for all tables, got it with some');
      }
      const { runFeed } = await import('./cli-feed-run.ts');
      try {
        await runFeed(source, flags, io);
      } catch (cause) {
        failed(io, await told(source, cause));
      }
    });
}

interface Asked {
  readonly name: string | undefined;
  readonly flags: SourceFlags;
  readonly command: Command;
}

/** Runs one command on its database, and ends; a result of false ends with 1. */
async function onBackend(
  io: Required<AdminCommandIo>,
  asked: Asked,
  work: (backend: FeedBackend) => Promise<boolean>,
): Promise<void> {
  const { source, error } = await found(asked);
  if (source === undefined) return failed(io, error);
  let isWell: boolean;
  try {
    const backend = await opened(source);
    try {
      isWell = await work(backend);
    } finally {
      await backend.close();
    }
  } catch (cause) {
    return failed(io, await told(source, cause));
  }
  if (!isWell) io.exit(1);
}

async function found(
  asked: Asked,
): Promise<
  { readonly source: FeedSource; readonly error?: never } | { readonly source?: never; readonly error: Error }
> {
  const { sourceOf } = await import('./cli-feed-source.ts');
  try {
    return { source: await sourceOf(asked) };
  } catch (error) {
    if (error instanceof TidegateError) return { error };
    throw error;
  }
}

async function opened(source: FeedSource): Promise<FeedBackend> {
  if (source.kind === 'sqlite') return (await import('./cli-feed-sqlite.ts')).openSqliteBackend(source);
  return (await import('./cli-feed-postgres.ts')).openPostgresBackend(source);
}

/** A defect keeps its stack; no error keeps a password. */
async function told(source: FeedSource, cause: unknown): Promise<Error> {
  if (!(cause instanceof TidegateError)) throw cause;
  if (source.kind === 'sqlite') return cause;
  const { withoutPassword } = await import('./cli-feed-source.ts');
  return new TidegateError(cause.code, withoutPassword(cause.message, source.connection));
}

async function install(
  io: Required<AdminCommandIo>,
  backend: FeedBackend,
  { dryRun, json }: ChangingFlags,
): Promise<boolean> {
  const { installText, planText } = await import('./cli-feed-text.ts');
  const statements = await backend.plan();
  if (dryRun === true) {
    io.print(json === true ? JSON.stringify({ statements }) : planText(statements, 'nothing to do, all is there'));
    return true;
  }
  const before = await backend.status();
  await backend.install();
  const after = await backend.status();
  const toldBefore = new Set(before.tables.filter(({ isTold }) => isTold).map(({ name }) => name));
  const told = after.tables.filter(({ isTold }) => isTold).map(({ name }) => name);
  const made = told.filter((name) => !toldBefore.has(name));
  const isNews = statements.length > 0;
  io.print(json === true ? JSON.stringify({ made, isNews, ...after }) : installText(after, new Set(made), isNews));
  return after.isHealthy;
}

async function remove(
  io: Required<AdminCommandIo>,
  backend: FeedBackend,
  { dryRun, json }: ChangingFlags,
): Promise<boolean> {
  const { planText, removalText } = await import('./cli-feed-text.ts');
  if (dryRun === true) {
    const statements = await backend.planRemoval();
    io.print(json === true ? JSON.stringify({ statements }) : planText(statements, 'nothing to remove'));
    return true;
  }
  const removal = await backend.remove();
  io.print(json === true ? JSON.stringify(removal) : removalText(removal));
  return true;
}

function names(text: string): readonly string[] {
  const list = text.split(',').map((name) => name.trim());
  if (list.every((name) => name !== '')) return list;
  throw new InvalidArgumentError('Expected names of tables with commas between them.');
}

function connection(text: string): string {
  if (/^postgres(?:ql)?:\/\//.test(text)) return text;
  throw new InvalidArgumentError('Expected a connection string such as postgres://user@host:5432/database.');
}

function slot(text: string): string {
  if (/^[a-z0-9_]{1,63}$/.test(text)) return text;
  throw new InvalidArgumentError('Expected 1 to 63 of a-z, 0-9 and _.');
}
