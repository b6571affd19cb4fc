// The configuration: found, loaded, changed by command line flags, checked, and its defaults filled in. A problem is
// never reported alone: one error names them all.

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DEFAULT_TENANT } from '../../entry/key.ts';
import { TidegateError } from '../../errors.ts';
import { isRecord, type UnknownRecord } from '../../options/kit.ts';
import { configProblems, databaseProblems, defaultRouteName, refused } from './config-checks.ts';
import { CONFIG_FILES, findConfigFile, readConfigFile } from './config-file.ts';
import {
  type ConfigOutput,
  configSchema,
  databasesSchema,
  type RouteOutput,
  routeSchema,
  type ScheduleOutput,
  type SourceOutput,
} from './config-schema.ts';
import { bearerToken } from './config-values.ts';

/** A route with its name, origin and tenant known. */
export interface ResolvedRoute extends RouteOutput {
  readonly name: string;
  readonly origin: string;
  readonly tenant: string;
}

/** A checked configuration: every default filled in, at least one origin and one route, file names absolute. */
export interface ResolvedConfig extends Omit<ConfigOutput, 'admin' | 'routes' | 'schedule'> {
  readonly admin: { readonly host: string; readonly port: number; readonly token: string | undefined };
  readonly routes: readonly ResolvedRoute[];
  readonly schedule: readonly ResolvedSchedule[];
}

/** A schedule with its name. */
export interface ResolvedSchedule extends ScheduleOutput {
  readonly name: string;
}

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

export interface LoadOptions {
  /** File to load. Default: `tidegate.config.ts`, `.mts`, `.mjs`, `.js` or `.json` in `cwd`. */
  readonly file?: string | undefined;
  readonly cwd: string;
  readonly overrides?: ConfigOverrides;
  readonly env?: ConfigSurroundings['env'];
}

/** Loads the configuration as it is now: a file that has changed since an earlier load is read again. */
export async function loadConfig(options: LoadOptions): Promise<ResolvedConfig> {
  const { cwd, overrides = {} } = options;
  const found = findConfigFile(options);
  const file = found ?? (overrides.origin === undefined ? noFile(options) : undefined);
  const raw = file === undefined ? {} : await readConfigFile(file);
  return resolveConfig(overrideConfig(raw, overrides), {
    directory: file === undefined ? cwd : dirname(file),
    source: file ?? 'the command line',
    ...(options.env === undefined ? {} : { env: options.env }),
  });
}

type Databases = ConfigOutput['sources'];

/**
 * The databases of the file, or of the configuration in the folder; undefined when there is none. Nothing else of the
 * configuration is checked, and the gate's required keys may be absent: a process that looks after a feed need not have a
 * gate. Rejects with E_CONFIG.
 */
export async function loadDatabases(options: Pick<LoadOptions, 'file' | 'cwd'>): Promise<Databases | undefined> {
  const file = findConfigFile(options);
  if (file === undefined) return undefined;
  const raw = await readConfigFile(file);
  const problems = databaseProblems(raw);
  if (problems.length > 0) throw refused(file, problems);
  return databaseFiles(databasesSchema.parse(isRecord(raw) ? raw.sources : undefined), dirname(file));
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
  const listen = { ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port: numeric(port) }) };
  const changed = withKeys(withKeys(raw, 'listen', listen), 'admin', {
    ...(adminPort === undefined ? {} : { port: numeric(adminPort) }),
  });
  if (origin === undefined) return changed;
  const names = isRecord(raw.origins) ? Object.keys(raw.origins) : [];
  if (names.length > 1) {
    const got = `${names.length}: ${names.join(', ')}`;
    throw new TidegateError('E_CONFIG', `--origin: expected a configuration with one origin, got ${got}`);
  }
  const name = names[0] ?? 'origin';
  const origins = isRecord(raw.origins) ? raw.origins : {};
  return { ...changed, origins: withKeys(origins, name, { url: origin }) };
}

function withKeys(raw: UnknownRecord, name: string, keys: object): UnknownRecord {
  const section = raw[name];
  // A value that is no section stays, so that the check names it.
  if (Object.keys(keys).length === 0 || (section !== undefined && !isRecord(section))) return raw;
  return { ...raw, [name]: { ...section, ...keys } };
}

function numeric(flag: string | number): string | number {
  return typeof flag === 'string' && /^\d{1,15}$/.test(flag) ? Number(flag) : flag;
}

/** The configuration, checked and with its defaults; throws one error that names every problem. */
export function resolveConfig(raw: unknown, surroundings: ConfigSurroundings = {}): ResolvedConfig {
  const { directory = process.cwd(), env = process.env, source = 'the configuration' } = surroundings;
  const problems = configProblems(raw);
  const checked = configSchema.safeParse(raw);
  if (!checked.success || problems.length > 0) throw refused(source, problems);
  const { admin, disk, log, populate, schedule, ...rest } = checked.data;
  const token = admin.token ?? storedToken(admin.tokenFile, { directory, env, source });
  if (token === undefined && !isLoopback(admin.host)) {
    const expected = 'expected a token (admin.token, admin.tokenFile or TIDEGATE_ADMIN_TOKEN)';
    throw new TidegateError(
      'E_ADMIN_TOKEN',
      `admin.host: ${expected}, since ${admin.host} is reachable from other machines`,
    );
  }
  return {
    ...rest,
    listen: listenFiles(rest.listen, directory),
    origins: originFiles(rest.origins, directory),
    disk: disk === undefined ? undefined : { ...disk, path: resolve(directory, disk.path) },
    sources: databaseFiles(rest.sources, directory),
    populate: { ...populate, onStart: populate.onStart && withFile(populate.onStart, directory) },
    schedule: schedule.map((one, at) => ({ ...withFile(one, directory), name: one.name ?? `schedule-${at + 1}` })),
    admin: { host: admin.host, port: admin.port, token },
    routes: resolveRoutes(rest),
    log: { ...log, file: log.file === 'stdout' ? log.file : resolve(directory, log.file) },
    targetedFields: rest.targetedFields.map((name) => name.toLowerCase()),
  };
}

function listenFiles(listen: ConfigOutput['listen'], directory: string): ConfigOutput['listen'] {
  const { tls } = listen;
  if (tls === undefined) return listen;
  const certificates = tls.certificates.map((one) => ({
    ...one,
    cert: resolve(directory, one.cert),
    key: resolve(directory, one.key),
  }));
  return { ...listen, tls: { ...tls, certificates } };
}

function originFiles(origins: ConfigOutput['origins'], directory: string): ConfigOutput['origins'] {
  return mapValues(origins, (origin) => {
    const { ca } = origin.tls;
    return ca === undefined ? origin : { ...origin, tls: { ca: resolve(directory, ca) } };
  });
}

function databaseFiles(databases: Databases, directory: string): Databases {
  return mapValues(databases, (database) => {
    const { sqlite } = database;
    return sqlite === undefined ? database : { ...database, sqlite: resolve(directory, sqlite) };
  });
}

function mapValues<Value>(
  table: { readonly [name: string]: Value },
  map: (value: Value) => Value,
): { readonly [name: string]: Value } {
  return Object.fromEntries(Object.entries(table).map(([name, value]) => [name, map(value)]));
}

function withFile<T extends SourceOutput>(source: T, directory: string): T {
  return source.file === undefined ? source : { ...source, file: resolve(directory, source.file) };
}

function resolveRoutes({ origins, routes }: Pick<ConfigOutput, 'origins' | 'routes'>): ResolvedRoute[] {
  const onlyOrigin = Object.keys(origins)[0]!;
  const stated = routes.length > 0 ? routes : [routeSchema.parse({})];
  return stated.map((route, at) => ({
    ...route,
    name: route.name ?? defaultRouteName(at),
    origin: route.origin ?? onlyOrigin,
    tenant: route.tenant ?? DEFAULT_TENANT,
  }));
}

type TokenSurroundings = Required<ConfigSurroundings>;

function storedToken(file: string | undefined, { directory, env, source }: TokenSurroundings): string | undefined {
  // An empty variable is an unset one: an empty token would let everyone in.
  const [name, text] =
    file === undefined
      ? ['TIDEGATE_ADMIN_TOKEN', env.TIDEGATE_ADMIN_TOKEN || undefined]
      : ['admin.tokenFile', readTokenFile(resolve(directory, file))];
  if (text === undefined) return undefined;
  const checked = bearerToken.safeParse(text);
  if (checked.success) return checked.data;
  throw refused(source, [`${name}: ${checked.error.issues[0]!.message}`]);
}

function readTokenFile(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new TidegateError('E_CONFIG', `admin.tokenFile: expected a readable file, got ${path}`, { cause: error });
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** Keys that only a new start can change. */
export function needsRestart(before: ResolvedConfig, after: ResolvedConfig): string[] {
  const keys = ['listen', 'admin', 'memory', 'disk', 'limits', 'log', 'cacheName', 'workers'] as const;
  return keys.filter((key) => JSON.stringify(settled(before)[key]) !== JSON.stringify(settled(after)[key]));
}

/** Without the certificates, which a reload does change. */
function settled(config: ResolvedConfig): ResolvedConfig {
  const { tls } = config.listen;
  return tls === undefined ? config : { ...config, listen: { ...config.listen, tls: { ...tls, certificates: [] } } };
}
