// The check of a configuration of Workers, and what the gate makes of it. What Node has and Workers cannot have is refused with
// the reason, and so are bindings that the Worker lacks.

import type { PathRules } from '../entry/path-readings.ts';
import { isRecord, type UnknownRecord } from '../options/kit.ts';
import {
  duration,
  exactlyOne,
  type GotOf,
  integer,
  like,
  list,
  matches,
  oneOf,
  readWhole,
  section,
  showSecret,
  type Tell,
  table,
  timeout,
  value,
} from '../options/sections.ts';
import { checkFills, checkSite } from './agreements.ts';
import { entityName, originUrl } from './kinds.ts';
import { type ResolvedRoute, resolveRoutes } from './resolved.ts';
import { NAMES, ORIGIN_PATHS, POPULATE, ROUTE, scheduleOf } from './tables.ts';
import type { WorkersTier } from './workers-types.ts';

const HERE = 'none on Workers';

const isIdentifier = matches(/^[A-Za-z_$][\w$]*$/);
const binding = value<string>('the name of a binding', isIdentifier);
const handler = value<object>(
  'a function, or an object with a method fetch',
  (given) => typeof given === 'function' || (isRecord(given) && typeof given.fetch === 'function'),
);

const origin = section(
  {
    url: originUrl.optional(),
    service: binding.optional(),
    handler: handler.optional(),
    headTimeout: timeout(1).default('1m'),
    bodyTimeout: timeout(1).default('1m'),
    paths: ORIGIN_PATHS,
  },
  {
    connectTimeout: `${HERE}, where the platform connects (headTimeout counts from before)`,
    connections: `${HERE}, where the platform keeps the connections`,
    perClient: `${HERE}, where the platform keeps the connections`,
    queue: `${HERE}, where the platform keeps the connections`,
    retries: `${HERE}, which send a request once`,
    circuitBreaker: `${HERE}, where an isolate hears of too few failures`,
    hostHeader: `${HERE}, where fetch sends the host of the URL`,
    http2: `${HERE}, where the platform chooses the protocol`,
    tls: `${HERE}, where the platform knows the authorities`,
  },
);

const TIERS: readonly WorkersTier[] = ['memory', 'workers-cache', 'cache-api', 'kv'];
const MIB = 1024 * 1024;
/** No log of invalidations grants a longer lease. */
const MAX_LEASE_MS = 60_000;

/** The keys of a configuration of Workers. */
export const WORKERS = section(
  {
    origins: table(entityName, origin),
    routes: list(
      section(ROUTE, {
        bodyOnGet: `${HERE}, whose requests have no body with GET`,
        streamRequests: `${HERE}, where the platform reads requests`,
        originHost: `${HERE}, where fetch sends the host of the URL`,
        compress: `${HERE}, where the platform compresses answers`,
      }),
    ).default([]),
    tiers: list(oneOf(...TIERS), 1).default(['memory']),
    memory: section({ maxBytes: integer(0, 64 * MIB).default(32 * MIB) }).default({}),
    kv: section({ binding: binding.default('TIDEGATE_KV') }).default({}),
    environment: entityName.default('production'),
    coherence: section({
      mode: oneOf('lease', 'strict', 'bounded').default('lease'),
      lease: duration(1, MAX_LEASE_MS).optional(),
      bound: duration(1, MAX_LEASE_MS).optional(),
      binding: binding.default('TIDEGATE_LOG'),
      shard: oneOf('one', 'host', 'tenant').default('one'),
    }).default({}),
    admin: section(
      {
        path: like('a path that begins with "/" and does not end with it', /^\/[^?#\s]*[^/?#\s]$/),
        token: value<string>('the name of a secret, not the secret itself', isIdentifier, showSecret),
      },
      {
        host: `${HERE}, where the admin API stands on a path (admin.path)`,
        port: `${HERE}, where the admin API stands on a path (admin.path)`,
        tokenFile: `${HERE}, which have no files (admin.token names a secret)`,
      },
    ).optional(),
    analytics: section({ binding }).optional(),
    populate: section(
      { concurrency: POPULATE.concurrency, subrequests: integer(10, 10_000).default(50) },
      {
        ratePerSecond: `${HERE}, where a run of a schedule fills as many as it has subrequests for (populate.subrequests)`,
        rehydrate: `${HERE}, where nothing goes on after the request that outdates an entry`,
        prediction: `${HERE}, where what follows would be learnt in each isolate anew`,
        publish: `${HERE}, where webhooks invalidate by the admin API (admin.path)`,
        onStart: `${HERE}, where isolates start at any time (schedule fills)`,
      },
    ).default({}),
    schedule: list(
      section(scheduleOf(like('a cron expression of five fields, as in triggers.crons', /^\S+(?: \S+){4}$/)), {
        every: `${HERE}, where cron triggers run schedules (cron)`,
        file: `${HERE}, which have no files (urls, sitemap)`,
        concurrency: `${HERE}, where all runs have one limit (populate.concurrency)`,
        ratePerSecond: `${HERE}, where a run fills as many as it has subrequests for (populate.subrequests)`,
      }),
    ).default([]),
    ...NAMES,
    onFault: value<(error: unknown) => unknown>('a function', (given) => typeof given === 'function').optional(),
  },
  {
    listen: `${HERE}, where the platform listens`,
    disk: `${HERE}, which have no disk (tiers: ['kv'] keeps responses)`,
    sources: `${HERE}, where no feed runs`,
    prober: `${HERE}, where nothing goes on after the request that was answered`,
    limits: `${HERE}, where the platform has its own`,
    log: `${HERE}, which have no log file (onFault is told of failures)`,
    trustedProxies: `${HERE}, where the platform states host, scheme and client`,
    workers: `${HERE}, where the platform starts isolates as it needs them`,
  },
);

type Got = GotOf<typeof WORKERS>;

/** One of three kinds of origin. */
export type ResolvedWorkersOrigin = {
  readonly headTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  readonly hostHeader?: undefined;
  readonly paths: PathRules;
} & (
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'service'; readonly service: string }
  | { readonly kind: 'handler'; readonly handler: object }
);

/** A checked configuration of Workers: every default filled in, at least one origin and one route. */
export interface ResolvedWorkersConfig extends Omit<Got, 'origins' | 'routes' | 'coherence' | 'schedule'> {
  readonly origins: { readonly [name: string]: ResolvedWorkersOrigin };
  readonly routes: readonly ResolvedRoute[];
  readonly outwardFields: readonly string[];
  readonly coherence: Pick<Got['coherence'], 'mode' | 'binding' | 'shard'> & {
    /** How long an isolate serves without asking: `lease`, in the mode `bounded` the bound, in the mode `strict` 0. */
    readonly leaseMs: number;
  };
  readonly schedule: readonly (Got['schedule'][number] & { readonly name: string; readonly cron: string })[];
}

const DEFAULT_LEASE_MS = 1_000;

/** Throws one E_CONFIG that names every problem. `source`: the configuration's name there. */
export function checkedWorkersConfig(raw: unknown, source = 'the configuration'): ResolvedWorkersConfig {
  const { origins, routes, coherence, schedule, targetedFields, ...rest } = readWhole(source, (tell) => {
    const got = WORKERS.read(raw, tell);
    if (isRecord(raw)) checkAgreement(raw, tell);
    return got;
  });
  const { mode, leaseMs = DEFAULT_LEASE_MS, boundMs = 0, ...where } = coherence;
  return {
    ...rest,
    outwardFields: ['cdn-cache-control', 'cloudflare-cdn-cache-control'],
    origins: Object.fromEntries(Object.entries(origins).map(([name, one]) => [name, resolvedOrigin(one)])),
    routes: resolveRoutes(origins, routes),
    coherence: { ...where, mode, leaseMs: { lease: leaseMs, bounded: boundMs, strict: 0 }[mode] },
    schedule: schedule.map((one, at) => ({
      ...one,
      cron: one.cron as string,
      name: one.name ?? `schedule-${at + 1}`,
    })),
    targetedFields: targetedFields.map((name) => name.toLowerCase()),
  };
}

function resolvedOrigin({ url, service, handler: own, ...timeouts }: Got['origins'][string]): ResolvedWorkersOrigin {
  if (url !== undefined) return { ...timeouts, kind: 'url', url: new URL(url).origin };
  if (service !== undefined) return { ...timeouts, kind: 'service', service };
  return { ...timeouts, kind: 'handler', handler: own as object };
}

function checkAgreement(raw: UnknownRecord, tell: Tell): void {
  checkSite(raw, tell);
  checkFills(raw, { sources: ['urls', 'sitemap', 'manifest'], times: ['cron'] }, tell);
  for (const [name, one] of Object.entries(isRecord(raw.origins) ? raw.origins : {})) {
    if (isRecord(one)) exactlyOne(one, ['url', 'service', 'handler'], (problem) => tell(problem, ['origins', name]));
  }
  if (isRecord(raw.coherence)) checkCoherence(raw.coherence, tell);
  checkTiers(raw, tell);
}

function checkCoherence({ mode = 'lease', lease, bound }: UnknownRecord, tell: Tell): void {
  if (lease !== undefined && mode !== 'lease') tell(`expected none in the mode ${mode}`, ['coherence', 'lease']);
  if ((bound !== undefined) === (mode === 'bounded')) return;
  const expected = bound === undefined ? 'a duration in the mode bounded, got nothing' : `none in the mode ${mode}`;
  tell(`expected ${expected}`, ['coherence', 'bound']);
}

function checkTiers({ tiers = ['memory'], memory, kv }: UnknownRecord, tell: Tell): void {
  if (!Array.isArray(tiers)) return;
  const places = tiers.map((tier) => TIERS.indexOf(tier));
  const isOrdered = places.every((place, at) => at === 0 || place < 0 || place > (places[at - 1] as number));
  if (!isOrdered)
    tell(`expected each at most once, in the order ${TIERS.join(', ')}, got ${tiers.join(', ')}`, ['tiers']);
  for (const [tier, settings] of Object.entries({ memory, kv })) {
    if (settings !== undefined && !tiers.includes(tier)) tell(`expected "${tier}" among the tiers, got none`, [tier]);
  }
}
