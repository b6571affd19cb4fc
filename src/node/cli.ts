// The command `tidegate`: serve, check, and the commands that speak to a running gate. Modules that only some commands
// need are loaded by them, so that the others listen sooner.

import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { Logger } from 'pino';
import { TidegateError } from '../errors.ts';
import {
  type ConfigOverrides,
  loadConfig,
  overrideConfig,
  type ResolvedConfig,
  resolveConfig,
} from './config/config.ts';
import { refused } from './config/config-checks.ts';
import { registerAdminCommands } from './operator/cli/cli-admin.ts';
import { registerDepsCommand } from './operator/cli/cli-deps.ts';
import { registerFeedCommand } from './operator/cli/cli-feed.ts';
import { registerPopulateCommand } from './operator/cli/cli-populate.ts';
import { originUrl, portNumber } from './operator/cli/cli-values.ts';
import { endOnSignal } from './operator/end-on-signal.ts';
import { outliveExceptions } from './outlive.ts';
import { logOf, type RunningGate, startGate } from './serve.ts';
import { workerCount } from './workers/share.ts';

const WRONG_COMMAND_LINE = 2;

interface ServeOptions extends ConfigOverrides {
  readonly demo?: boolean;
}

/** Runs the command line; the process ends when it is done, or on SIGINT or SIGTERM when it serves. */
export async function runCli(argv: readonly string[]): Promise<void> {
  // The process goes on when its terminal or the reader of its log is gone (EPIPE).
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => stream.destroy());
  const program = new Command('tidegate')
    .description('An edge cache that never serves outdated data')
    .version(version())
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : WRONG_COMMAND_LINE));
  addServe(program);
  addCheck(program);
  registerAdminCommands(program);
  registerPopulateCommand(program);
  registerDepsCommand(program);
  registerFeedCommand(program);
  tellUsage(program, program.name());
  await program.parseAsync(argv);
}

/** After an error the usage alone: all of the help would push the error off the screen. */
function tellUsage(command: Command, name: string): void {
  for (const inner of command.commands) tellUsage(inner, `${name} ${inner.name()}`);
  command.showHelpAfterError(`Usage: ${name} ${command.usage()}\nSee ${name} --help.`);
}

function version(): string {
  const file = new URL(import.meta.resolve('tidegate/package.json'));
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

function addServe(program: Command): void {
  program
    .command('serve')
    .description('serve in front of one or more origins')
    .argument('[config]', 'configuration file; default: tidegate.config.{ts,mts,mjs,js,json} in this folder')
    .option('--origin <url>', 'front this origin', originUrl)
    .option('--host <address>', 'address to listen on (default 127.0.0.1)')
    .option('--port <number>', 'port to listen on (default 8080; 0: any free one)', portNumber)
    .option('--admin-port <number>', 'port of the admin API (default 8081; 0: any free one)', portNumber)
    .option('--demo', 'front a small demo API, unless --origin names another origin')
    .action((config: string | undefined, options: ServeOptions, command: Command) => {
      const isDemo = options.demo === true && options.origin === undefined;
      if (isDemo && config !== undefined) {
        command.error(`error: expected --demo or a configuration file, got both: ${config}`);
      }
      return failing(() => (isDemo ? serveDemo(options) : serve(config, options)));
    });
}

function addCheck(program: Command): void {
  program
    .command('check')
    .description('check a configuration and the files it names, and name all problems')
    .argument('[config]', 'configuration file; default: tidegate.config.{ts,mts,mjs,js,json} in this folder')
    .option('--json', 'print the configuration with its defaults as JSON')
    .action((config: string | undefined, options: { readonly json?: boolean }) =>
      failing(async () => {
        const checked = await loadConfig({ file: config, cwd: process.cwd() });
        workerCount(checked);
        const { fileProblems } = await import('./config/file-problems.ts');
        const problems = fileProblems(checked);
        if (problems.length > 0) throw refused('the configuration', problems);
        print(options.json === true ? JSON.stringify(withoutSecrets(checked), null, 2) : checkText(checked));
      }),
    );
}

function checkText({ origins, routes }: ResolvedConfig): string {
  const lines = Object.entries(origins).map(([name, { url }]) => `origin ${name}: ${url}`);
  for (const { name, origin, profile } of routes) lines.push(`route ${name}: to ${origin}, profile ${profile}`);
  return [...lines, 'The configuration is right.'].join('\n');
}

function withoutSecrets(config: ResolvedConfig): object {
  const { token, ...admin } = config.admin;
  const sources = Object.entries(config.sources).map(([name, { postgres, ...source }]) => {
    if (postgres === undefined) return [name, source];
    const { connection, ...rest } = postgres;
    return [name, { ...source, postgres: { ...rest, hasConnection: connection !== undefined } }];
  });
  return { ...config, admin: { ...admin, hasToken: token !== undefined }, sources: Object.fromEntries(sources) };
}

async function serve(file: string | undefined, options: ServeOptions): Promise<void> {
  const load = () => loadConfig({ file, cwd: process.cwd(), overrides: options });
  const config = await load();
  const log = logOf(config);
  const running = await start(config, log);
  // One reload after the other: the configuration read last is the one that holds.
  let reloads = Promise.resolve();
  process.on('SIGHUP', () => {
    reloads = reloads.then(() => reload({ running, log }, load));
  });
  outliveExceptions(running.gate, fail);
  endOnSignal(() => running.close(), fail);
  // Last, since a reader of these lines may send a signal at once.
  announce(running);
}

/** Starts in this process, or in as many as the configuration says. */
async function start(config: ResolvedConfig, log: Logger): Promise<RunningGate> {
  const count = workerCount(config);
  if (count === 1) return startGate(config, log);
  const { startWorkers } = await import('./workers/primary.ts');
  const running = await startWorkers(config, count, log);
  running.gaveUp.then(fail);
  return running;
}

/** What `examples/demo/demo.ts` offers, which the package has beside the command line. */
interface DemoModule {
  startDemoOrigin(): Promise<{
    readonly url: string;
    follow(adminUrl: string, print: (line: string) => void): Promise<void>;
    firstSteps(gate: RunningGate): string;
    close(): Promise<void>;
  }>;
}

async function serveDemo(options: ServeOptions): Promise<void> {
  const isSource = import.meta.url.endsWith('.ts');
  const module = isSource ? new URL('../../examples/demo/demo.ts', import.meta.url).href : '#demo';
  const { startDemoOrigin } = (await import(module)) as DemoModule;
  const origin = await startDemoOrigin();
  const { host, port, adminPort } = options;
  const demo = { origins: { demo: { url: origin.url } }, log: { level: 'warn' } };
  const config = resolveConfig(overrideConfig(demo, { host, port, adminPort }));
  const running = await startGate(config).catch(async (error: unknown) => {
    await origin.close();
    throw error;
  });
  endOnSignal(async () => {
    await running.close();
    await origin.close();
  }, fail);
  await origin.follow(running.adminUrl, print);
  announce(running);
  print(origin.firstSteps(running));
}

function announce(running: RunningGate): void {
  print(`gate: ${running.url}`);
  print(`admin: ${running.adminUrl}`);
}

interface Reloaded {
  readonly running: RunningGate;
  readonly log: Logger;
}

/** A wrong configuration changes nothing: the gate goes on with the one it has. */
async function reload({ running, log }: Reloaded, load: () => Promise<ResolvedConfig>): Promise<void> {
  try {
    await running.reload(await load());
    printError('reloaded the configuration');
  } catch (error) {
    log.error({ err: error }, 'not reloaded, the configuration stays as it was');
    printError(`not reloaded, the configuration stays as it was\n${messageOf(error)}`);
  }
}

async function failing(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    fail(error);
  }
}

function fail(error: unknown): never {
  printError(error instanceof TidegateError ? `${error.code}: ${error.message}` : messageOf(error));
  process.exit(1);
}

/** An error that is none of ours is a defect, so its stack is shown. */
function messageOf(error: unknown): string {
  if (error instanceof TidegateError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function printError(text: string): void {
  process.stderr.write(`${text}\n`);
}
