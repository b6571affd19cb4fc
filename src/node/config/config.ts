// The configuration: found, loaded, changed by command line flags, checked, and its defaults filled in. A problem is
// never reported alone: one error names them all.

import { existsSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { dirname, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf, TidegateError } from '../../errors.ts';
import { isRecord, type UnknownRecord } from '../../options/kit.ts';
import { type ResolvedRoute, resolveRoutes } from '../../site/resolved.ts';
import { checked, checkedDatabases } from './config-checks.ts';
import type { ConfigOutput, ScheduleOutput } from './config-schema.ts';
import { CLUSTER_URL, hookToken, POSITION_SECRET, type SecretPlace, storedSecret, TOKEN } from './secrets.ts';

/** A checked configuration: every default filled in, at least one origin and one route, file names absolute. */
export interface ResolvedConfig extends Omit<ConfigOutput, 'admin' | 'cluster' | 'routes' | 'schedule'> {
  readonly admin: Omit<ConfigOutput['admin'], 'token' | 'tokenFile'> & { readonly token: string | undefined };
  readonly positions: { readonly secret: string | undefined };
  readonly cluster?: (Omit<NonNullable<ConfigOutput['cluster']>, 'urlFile'> & { readonly url: string }) | undefined;
  readonly routes: readonly ResolvedRoute[];
  readonly schedule: readonly ResolvedSchedule[];
  /** Bounds of the provisioned tenants, whose origins and routes are among the others. Default: there are none. */
  readonly tenants?: { readonly [name: string]: ResolvedBounds };
}

interface ResolvedBounds {
  readonly suspended: boolean;
  readonly quotas: {
    readonly memoryBytes?: number;
    readonly diskBytes?: number;
    readonly requestsPerSecond?: number;
    readonly originConcurrency?: number;
  };
}

export type ResolvedSchedule = ScheduleOutput & { readonly name: string };

/** Where a configuration stands: file names in it are relative to `directory`. */
export interface ConfigSurroundings {
  /** Default: the working directory. */
  readonly directory?: string;
  /** Default: the process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The name of the configuration in errors. Default `the configuration`. */
  readonly source?: string;
}

/** Command line flags that stand above the configuration file. Numbers may be text. */
export interface ConfigOverrides {
  readonly origin?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: string | number | undefined;
  readonly adminPort?: string | number | undefined;
}

/** Where a configuration is looked for. */
export interface ConfigPlace {
  /** File to load. Default: `tidegate.config.ts`, `.mts`, `.mjs`, `.js` or `.json` in `cwd`. */
  readonly file?: string | undefined;
  readonly cwd: string;
}

export interface LoadOptions extends ConfigPlace {
  readonly overrides?: ConfigOverrides;
  readonly env?: ConfigSurroundings['env'];
}

/** Loads the configuration as it is now: a file that has changed since an earlier load is read again. */
export async function loadConfig(options: LoadOptions): Promise<ResolvedConfig> {
  const { cwd, overrides = {}, env = process.env } = options;
  const file = findConfigFile(options) ?? (overrides.origin === undefined ? noFile(options) : undefined);
  const raw = file === undefined ? {} : await readConfigFile(file);
  const directory = file === undefined ? cwd : dirname(file);
  return resolveConfig(overrideConfig(raw, overrides), { directory, source: file ?? 'the command line', env });
}

/**
 * The databases of the file, or of the configuration in the folder; undefined when there is none. Nothing else of the
 * configuration is checked, and the gate's required keys may be absent: a process that looks after a feed need not have a
 * gate. Rejects with E_CONFIG.
 */
export async function loadDatabases(place: ConfigPlace): Promise<ConfigOutput['sources'] | undefined> {
  const file = findConfigFile(place);
  if (file === undefined) return undefined;
  return databaseFiles(checkedDatabases(await readConfigFile(file), file), namesIn(dirname(file)));
}

/** The configuration file of a Worker as it stands, and its name. Rejects with E_CONFIG. */
export async function readWorkersConfig(place: ConfigPlace): Promise<{ readonly file: string; readonly raw: unknown }> {
  const file = findConfigFile(place) ?? noFile(place);
  const hooks = registerHooks({
    resolve: (asked, context, nextResolve) =>
      asked === 'cloudflare:workers' ? { url: CLOUDFLARE_WORKERS, shortCircuit: true } : nextResolve(asked, context),
  });
  try {
    return { file, raw: await readConfigFile(file) };
  } finally {
    hooks.deregister();
  }
}

/**
 * Stands in for the module that only workerd has, so that a configuration may import a Worker's own handler. The variables differ
 * from one environment to the next, so nothing that is read while the file is loaded can be right.
 */
const CLOUDFLARE_WORKERS = `data:text/javascript,${encodeURIComponent(`
  export class DurableObject {}
  export class WorkerEntrypoint {}
  export class WorkflowEntrypoint {}
  export class RpcTarget {}
  export class RpcStub {}
  export const waitUntil = () => {};
  export const withEnv = (_, work) => work();
  const refuse = () => {
    throw new Error('expected a configuration that is a function of env, got a read of env while its file is loaded');
  };
  export const env = new Proxy({}, { get: refuse, has: refuse, ownKeys: refuse });
`)}`;

/** Names of a configuration file, in the order they are looked for. */
const CONFIG_FILES: readonly string[] = ['ts', 'mts', 'mjs', 'js', 'json'].map((end) => `tidegate.config.${end}`);

/** The named file, which must exist; else the first of the usual files in `cwd`. Returns undefined when there is none. */
function findConfigFile({ file, cwd }: ConfigPlace): string | undefined {
  const candidates = (file === undefined ? CONFIG_FILES : [file]).map((name) => resolve(cwd, name));
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined || file === undefined) return found;
  throw new TidegateError('E_CONFIG', `expected a configuration file, got none at ${candidates[0]}`);
}

async function readConfigFile(file: string): Promise<unknown> {
  try {
    if (extname(file) === '.json') return JSON.parse(readFileSync(file, 'utf8'));
    const given = await importConfig(file);
    if (given !== undefined) return given;
  } catch (error) {
    throw new TidegateError('E_CONFIG', `${file} cannot be loaded: ${messageOf(error)}`, { cause: error });
  }
  const expected = 'expected "export default defineConfig({ … })", got no default export';
  throw new TidegateError('E_CONFIG', `${file}: ${expected}`);
}

let loads = 0;

/**
 * The default export; returns undefined when there is none. In a project whose package.json says `"type": "commonjs"`, as
 * `npm init` writes it, Node takes a `.ts` file for CommonJS and trips over `export default`. Such a file is always meant as
 * an ES module here, unless its extension is `.cts`.
 */
async function importConfig(file: string): Promise<unknown> {
  // A module is evaluated once for each URL: the query makes every load a new one.
  const url = `${pathToFileURL(file)}?load=${++loads}`;
  const hooks = registerHooks({
    load: (asked, context, nextLoad) => {
      const isMeant = context.format === 'commonjs-typescript' && !/\.cts(?:\?|$)/.test(asked);
      return nextLoad(asked, isMeant ? { ...context, format: 'module-typescript' } : context);
    },
  });
  try {
    const module: { readonly default?: unknown } = await import(/* @vite-ignore */ url);
    return module.default;
  } finally {
    hooks.deregister();
  }
}

function noFile({ cwd, overrides }: LoadOptions): never {
  const [orOrigin, got] = overrides === undefined ? ['', 'none'] : [', or --origin URL', 'neither'];
  throw new TidegateError('E_CONFIG', `expected one of ${CONFIG_FILES.join(', ')} in ${cwd}${orOrigin}, got ${got}`);
}

/**
 * The configuration with the flags put in, not yet checked. An origin takes the place of the URL of the only origin; a
 * configuration without origins gets one, named `origin`.
 */
export function overrideConfig(raw: unknown, overrides: ConfigOverrides): unknown {
  if (!isRecord(raw)) return raw;
  const { origin, host, port, adminPort } = overrides;
  const listening = withKeys(raw, 'listen', { host, port: numeric(port) });
  const changed = withKeys(listening, 'admin', { port: numeric(adminPort) });
  if (origin === undefined) return changed;
  const origins = isRecord(raw.origins) ? raw.origins : {};
  const names = Object.keys(origins);
  if (names.length > 1) {
    const got = `${names.length}: ${names.join(', ')}`;
    throw new TidegateError('E_CONFIG', `--origin: expected a configuration with one origin, got ${got}`);
  }
  return { ...changed, origins: withKeys(origins, names[0] ?? 'origin', { url: origin }) };
}

function withKeys(raw: UnknownRecord, name: string, keys: object): UnknownRecord {
  const given = Object.entries(keys).filter(([, value]) => value !== undefined);
  const section = raw[name];
  // A value that is no section stays, so that the check names it.
  if (given.length === 0 || (section !== undefined && !isRecord(section))) return raw;
  return { ...raw, [name]: { ...section, ...Object.fromEntries(given) } };
}

function numeric(flag: string | number | undefined): string | number | undefined {
  return typeof flag === 'string' && /^\d{1,15}$/.test(flag) ? Number(flag) : flag;
}

/** The configuration, checked and with its defaults; throws one error that names every problem. */
export function resolveConfig(raw: unknown, surroundings: ConfigSurroundings = {}): ResolvedConfig {
  const { directory = process.cwd(), env = process.env, source = 'the configuration' } = surroundings;
  const { admin: given, cluster, positions, disk, log, populate, schedule, ...rest } = checked(raw, source);
  const { token: inline, tokenFile, ...admin } = given;
  const absolute = namesIn(directory);
  const secretIn = (place: SecretPlace) => storedSecret(place, env, source);
  const token = inline ?? secretIn({ ...TOKEN, file: absolute(tokenFile) });
  const secret = positions.secret ?? secretIn({ ...POSITION_SECRET, file: absolute(positions.secretFile) });
  if (token === undefined && !isLoopback(admin.host)) {
    const expected = 'expected a token (admin.token, admin.tokenFile or TIDEGATE_ADMIN_TOKEN)';
    throw new TidegateError(
      'E_ADMIN_TOKEN',
      `admin.host: ${expected}, since ${admin.host} is reachable from other machines`,
    );
  }
  const clusterUrl = cluster?.url ?? (cluster && secretIn({ ...CLUSTER_URL, file: absolute(cluster.urlFile) }));
  const { tls } = rest.listen;
  const { onStart } = populate;
  return {
    ...rest,
    listen: {
      ...rest.listen,
      tls: tls && {
        ...tls,
        certificates: tls.certificates.map((one) => ({ ...one, cert: absolute(one.cert), key: absolute(one.key) })),
      },
    },
    origins: mapValues(rest.origins, (origin) => {
      return { ...origin, url: new URL(origin.url).origin, tls: { ca: absolute(origin.tls.ca) } };
    }),
    disk: disk && { ...disk, path: absolute(disk.path) },
    ...(cluster !== undefined && { cluster: { ...cluster, url: clusterUrl ?? noUrl(source) } }),
    sources: databaseFiles(rest.sources, absolute),
    populate: {
      ...populate,
      onStart: onStart && { ...onStart, file: absolute(onStart.file) },
      publish: mapValues(populate.publish, (hook, name) => {
        return { ...hook, token: hook.token ?? secretIn(hookToken(name, absolute(hook.tokenFile))) };
      }),
    },
    schedule: schedule.map((one, at) => {
      return { ...one, file: absolute(one.file), name: one.name ?? `schedule-${at + 1}` };
    }),
    admin: { ...admin, token },
    positions: { secret },
    routes: resolveRoutes(rest.origins, rest.routes),
    log: { ...log, file: log.file === 'stdout' ? log.file : absolute(log.file) },
    targetedFields: rest.targetedFields.map((name) => name.toLowerCase()),
  };
}

function noUrl(source: string): never {
  throw new TidegateError('E_CONFIG', `${source}: cluster: expected url, urlFile or TIDEGATE_CLUSTER_URL, got none`);
}

/** Makes file names absolute; one that is not given stays undefined. */
function namesIn(directory: string) {
  return <Name extends string | undefined>(name: Name): Name =>
    (name === undefined ? undefined : resolve(directory, name)) as Name;
}

function databaseFiles(databases: ConfigOutput['sources'], absolute: ReturnType<typeof namesIn>) {
  return mapValues(databases, (database) => ({ ...database, sqlite: absolute(database.sqlite) }));
}

function mapValues<Value, Mapped>(
  table: { readonly [name: string]: Value },
  map: (value: Value, name: string) => Mapped,
): { readonly [name: string]: Mapped } {
  return Object.fromEntries(Object.entries(table).map(([name, value]) => [name, map(value, name)]));
}

/** Whether only this machine reaches a listener there: a name or an address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^(?:::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/i.test(host);
}
