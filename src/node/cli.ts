// The command `tidegate`: the table of its commands, and serve and check. Modules that only some commands need are loaded
// by them, so that the others listen sooner.

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import type { Logger } from 'pino';
import { TidegateError } from '../errors.ts';
import { refused } from '../options/sections.ts';
import { evasions } from '../site/evasions.ts';
import { unreachableRoutes } from '../site/unreachable.ts';
import {
  type ConfigOverrides,
  loadConfig,
  overrideConfig,
  type ResolvedConfig,
  resolveConfig,
} from './config/config.ts';
import { surviveUncaughtExceptions } from './front/client-exchange.ts';
import { unknownProxies } from './listening.ts';
import { ADMIN_COMMANDS } from './operator/cli/admin-commands.ts';
import { CLUSTER } from './operator/cli/cluster-commands.ts';
import {
  addCommands,
  type Call,
  CONFIG_ARGUMENT,
  type CommandRow,
  endOnSignal,
  failed,
  PROCESS_IO,
  stackOf,
  UsageError,
} from './operator/cli/commands.ts';
import { completionRow } from './operator/cli/completion.ts';
import { DASHBOARD } from './operator/cli/dashboard-command.ts';
import { DOCTOR } from './operator/cli/doctor-command.ts';
import { FEED } from './operator/cli/feed-commands.ts';
import { INIT } from './operator/cli/init-command.ts';
import { POPULATE } from './operator/cli/populate-command.ts';
import { PROVE } from './operator/cli/prove-command.ts';
import { REPLAY } from './operator/cli/replay-command.ts';
import { TAIL } from './operator/cli/tail-command.ts';
import { TENANT } from './operator/cli/tenant-commands.ts';
import { TOP } from './operator/cli/top-command.ts';
import { originUrl, portNumber } from './operator/cli/values.ts';
import type { RunningGate } from './running-gate.ts';
import { logOf, startGate } from './serve.ts';

export const COMMANDS: readonly CommandRow[] = [
  {
    name: 'serve',
    help: 'serve in front of one or more origins',
    argument: CONFIG_ARGUMENT,
    options: [
      ['--origin <url>', 'front this origin', { read: originUrl }],
      ['--host <address>', 'address to listen on (default 127.0.0.1)'],
      ['--port <number>', 'port to listen on (default 8080; 0: any free one)', { read: portNumber }],
      ['--admin-port <number>', 'port of the admin API (default 8081; 0: any free one)', { read: portNumber }],
      ['--demo', 'front a small demo API, unless --origin names another origin'],
    ],
    run: ({ argument, options }: Call<ServeOptions>) => {
      if (options.demo !== true || options.origin !== undefined) return serve(argument, options);
      if (argument === undefined) return serveDemo(options);
      throw new UsageError('--demo or a configuration file', `both: ${argument}`);
    },
  },
  {
    name: 'check',
    help: 'check a configuration and the files it names, and name all problems',
    argument: CONFIG_ARGUMENT,
    options: [
      ['--platform <name>', 'platform that it is for', { choices: ['node', 'workers'], fallback: 'node' }],
      ['--json', 'print the configuration with its defaults as JSON'],
    ],
    run: check,
  },
  DOCTOR,
  ...ADMIN_COMMANDS,
  PROVE,
  CLUSTER,
  POPULATE,
  TAIL,
  TOP,
  DASHBOARD,
  REPLAY,
  FEED,
  INIT,
  TENANT,
  completionRow(() => COMMANDS),
];

interface ServeOptions extends ConfigOverrides {
  readonly demo?: true;
}

/** Runs the command line; the process ends when it is done, or on SIGINT or SIGTERM when it serves. */
export async function runCli(argv: readonly string[]): Promise<void> {
  // The process goes on when its terminal or the reader of its log is gone (EPIPE).
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => stream.destroy());
  const packageFile = new URL(import.meta.resolve('tidegate/package.json'));
  const program = new Command('tidegate')
    .description('An edge cache that never serves outdated data')
    .version((JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string }).version);
  addCommands(program, COMMANDS, PROCESS_IO);
  await program.parseAsync(argv);
}

interface CheckOptions {
  readonly platform: 'node' | 'workers';
  readonly json?: true;
}

async function check({ argument, options }: Call<CheckOptions>): Promise<void> {
  if (options.platform === 'workers') {
    const { checkWorkers } = await import('./operator/cli/workers-check.ts');
    return print(await checkWorkers({ file: argument, cwd: process.cwd() }, options.json === true));
  }
  const checked = await loadConfig({ file: argument, cwd: process.cwd() });
  workerCount(checked);
  const { fileProblems } = await import('./config/file-problems.ts');
  const problems = fileProblems(checked);
  if (problems.length > 0) throw refused('the configuration', problems);
  print(options.json === true ? JSON.stringify(withoutSecrets(checked), null, 2) : checkText(checked));
}

function checkText(config: ResolvedConfig): string {
  const { origins, routes } = config;
  const lines = Object.entries(origins).map(([name, { url }]) => `origin ${name}: ${url}`);
  for (const { name, origin, profile } of routes) lines.push(`route ${name}: to ${origin}, profile ${profile}`);
  const warnings = [unknownProxies(config) ?? [], unreachableRoutes(config), evasions(config)].flat();
  return [...lines, ...warnings.map((line) => `warning: ${line}`), 'The configuration is right.'].join('\n');
}

function withoutSecrets(config: ResolvedConfig): object {
  const { token, ...admin } = config.admin;
  const sources = Object.entries(config.sources).map(([name, { postgres, ...source }]) => {
    if (postgres === undefined) return [name, source];
    const { connection, ...rest } = postgres;
    return [name, { ...source, postgres: { ...rest, hasConnection: connection !== undefined } }];
  });
  return {
    ...config,
    admin: { ...admin, hasToken: token !== undefined },
    positions: { hasSecret: config.positions.secret !== undefined },
    sources: Object.fromEntries(sources),
  };
}

async function serve(file: string | undefined, options: ServeOptions): Promise<void> {
  const load = () => loadConfig({ file, cwd: process.cwd(), overrides: options });
  const config = await load();
  const log = logOf(config);
  const running = await start(config, log);
  // One reload after the other: the configuration read last is the one that holds.
  let reloads = Promise.resolve();
  process.on('SIGHUP', () => {
    reloads = reloads.then(() => reload(running, log, load));
  });
  surviveUncaughtExceptions(running.gate, fail);
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

/** Systems on which several processes can listen on one port and share its connections. */
const SHARING_SYSTEMS: ReadonlySet<string> = new Set(['linux', 'freebsd', 'aix', 'sunos']);

/** How many processes serve; 1 means only this one. Throws E_CONFIG when more cannot listen on one port. */
export function workerCount({ workers }: ResolvedConfig, system: string = process.platform): number {
  const sharing = SHARING_SYSTEMS.has(system);
  if (workers === 'auto') return sharing ? availableParallelism() : 1;
  if (workers === 1 || sharing) return workers;
  throw new TidegateError(
    'E_CONFIG',
    `workers: expected 1 on ${system}, where processes cannot share a port, got ${workers}`,
  );
}

/** The exports of `examples/demo/demo.ts`, which the package has beside the command line. */
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

/** A wrong configuration changes nothing: the gate goes on with the one it has. */
async function reload(running: RunningGate, log: Logger, load: () => Promise<ResolvedConfig>): Promise<void> {
  try {
    await running.reload(await load());
    printError('reloaded the configuration');
  } catch (error) {
    log.error({ err: error }, 'not reloaded, the configuration stays as it was');
    printError(
      `not reloaded, the configuration stays as it was\n${error instanceof TidegateError ? error.message : stackOf(error)}`,
    );
  }
}

function fail(error: unknown): never {
  return failed(PROCESS_IO, error);
}

const { print, printError } = PROCESS_IO;
