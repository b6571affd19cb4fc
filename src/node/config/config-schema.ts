// The schema of `tidegate.config.ts`: the kind of each key and its default. config-types.ts explains the keys; a test
// compares the two, and both with docs/configuration.md. What other runtimes have too stands in site/tables.ts.

import { LEASE_MS, LEAST_LEASE_MS, MOST_LEASE_MS } from '../../log/redis/terms.ts';
import {
  duration,
  either,
  flag,
  type GotOf,
  integer,
  list,
  oneOf,
  section,
  table,
  text,
  timeout,
} from '../../options/sections.ts';
import * as site from '../../site/kinds.ts';
import { NAMES, ORIGIN_PATHS, POPULATE, ROUTE_SECTION, SOURCE, scheduleOf } from '../../site/tables.ts';
import * as kind from './config-values.ts';

const HERE = 'none on Node';

export const originSchema = section(
  {
    url: site.originUrl,
    connectTimeout: timeout(1).default('5s'),
    headTimeout: timeout(1).default('1m'),
    bodyTimeout: timeout(1).default('1m'),
    connections: integer(1).default(128),
    perClient: kind.share.default(0.5),
    queue: section({ max: integer(0).default(1_024), timeout: timeout(1).default('10s') }).default({}),
    retries: integer(0, 10).default(1),
    circuitBreaker: section({
      failures: integer(0).default(5),
      open: timeout().default('5s'),
    }).default({}),
    hostHeader: site.authority.optional(),
    http2: flag.default(true),
    tls: section({ ca: text.optional() }).default({}),
    paths: ORIGIN_PATHS,
  },
  {
    service: `${HERE}, which has no bindings (url)`,
    handler: `${HERE}, where an origin is another process (url)`,
  },
);

const databaseSchema = section({
  sqlite: text.optional(),
  postgres: section({
    connection: kind.connection.optional(),
    mode: oneOf('replication', 'triggers').default('replication'),
    slot: kind.slotName.optional(),
    publication: text.optional(),
    identity: oneOf('full', 'key').default('full'),
  }).optional(),
  tables: list(text, 1).optional(),
});

/** Apart, for commands that read nothing else of a configuration. */
export const databasesSchema = table(kind.sourceName, databaseSchema).default({});

/** Calls of the admin API. */
const rate = (perSecond: number, burst: number) =>
  section({ perSecond: integer(1).default(perSecond), burst: integer(1).default(burst) }).default({});

const scheduleSchema = section(scheduleOf(kind.cronExpression));

const trustedProxies = either(
  'a list of addresses and networks, or { from, client, host, scheme, overrides, directives }',
  list(kind.network),
  section({
    from: list(kind.network),
    client: either(
      "true, false, 'x-forwarded-for' or 'forwarded'",
      flag,
      oneOf('x-forwarded-for', 'forwarded'),
    ).default(true),
    host: flag.default(false),
    scheme: flag.default(false),
    overrides: flag.default(false),
    directives: flag.default(false),
  }),
);

export const configSchema = section(
  {
    listen: section({
      host: text.default('127.0.0.1'),
      port: integer(0, 65_535).default(8080),
      tls: section({
        certificates: list(section({ cert: text, key: text, hosts: list(kind.certificateHost).optional() }), 1),
        minVersion: oneOf('TLSv1.2', 'TLSv1.3').default('TLSv1.2'),
      }).optional(),
      http2: flag.default(true),
      proxyProtocol: flag.default(false),
    }).default({}),
    admin: section(
      {
        host: text.default('127.0.0.1'),
        port: integer(0, 65_535).default(8081),
        token: site.bearerToken.optional(),
        tokenFile: text.optional(),
        maxConnections: integer(1).default(1_000),
        calls: rate(1_000, 5_000),
        wrongTokens: rate(1, 20),
      },
      { path: `${HERE}, where the admin API has a listener of its own (admin.host, admin.port)` },
    ).default({}),
    memory: section({ maxBytes: integer(0).default(256 * 1024 * 1024) }).default({}),
    cluster: section({
      url: kind.redisUrl.optional(),
      urlFile: text.optional(),
      name: kind.logName.default('default'),
      node: kind.nodeName.optional(),
      lease: duration(LEAST_LEASE_MS, MOST_LEASE_MS).default(LEASE_MS),
      onLoss: oneOf('pass', 'refuse').default('pass'),
    }).optional(),
    disk: section({ path: text, maxBytes: integer(1024 ** 2).default(10 * 1024 ** 3) }).optional(),
    origins: table(site.entityName, originSchema),
    routes: list(ROUTE_SECTION).default([]),
    sources: databasesSchema,
    positions: section({ secret: kind.sharedSecret.optional(), secretFile: text.optional() }).default({}),
    populate: section(POPULATE).default({}),
    schedule: list(scheduleSchema).default([]),
    prober: section({
      share: site.part.default(0),
      ratePerSecond: kind.perSecond.default(1),
      onOutdated: oneOf('report', 'invalidate').default('invalidate'),
    }).default({}),
    limits: section({
      maxTargetBytes: integer(1).default(8_192),
      maxHeadBytes: integer(1).default(16_384),
      maxFields: integer(1).default(100),
      maxConnections: integer(1).default(10_000),
      headTimeout: timeout(1).default('10s'),
      keepAlive: timeout(1).default('5s'),
      maxRequestBodyBytes: integer(0).default(1024 ** 3),
      bufferedRequestBytes: integer(0).default(1024 ** 2),
      bufferedAnswerBytes: integer(0).default(1024 ** 2),
      spooledRequestBytes: integer(0).default(1024 ** 3),
      minRequestRate: integer(0).default(500),
      minRequestRateWindow: timeout(1).default('20s'),
      minAnswerRate: integer(0).default(500),
      minAnswerRateWindow: timeout(1).default('1m'),
      maxTunnels: integer(0).default(1_000),
      maxTunnelsPerClient: integer(0).default(250),
      tunnelIdle: timeout().default('10m'),
      writes: section({
        max: integer(1).default(16_384),
        perClient: integer(1).default(1_024),
        brokenOff: integer(0).default(5),
        brokenOffWindow: timeout(1).default('10m'),
      }).default({}),
      overload: section({
        eventLoopDelay: timeout().default('500ms'),
        heap: site.part.default(0.9),
        descriptors: site.part.default(0.9),
      }).default({}),
    }).default({}),
    log: section({
      level: oneOf('debug', 'info', 'warn', 'error', 'silent').default('info'),
      file: text.default('stdout'),
      showValues: flag.default(false),
      hidePaths: site.pathPatterns.optional(),
    }).default({}),
    trustedProxies: trustedProxies.optional(),
    ...NAMES,
    workers: kind.workers.default(1),
  },
  {
    tiers: `${HERE}, whose tiers are memory and disk`,
    kv: `${HERE}, which has no KV (disk keeps responses)`,
    environment: `${HERE}, where a gate has its folder alone (disk.path)`,
    coherence: `${HERE}, where all processes of a gate share one log`,
    onFault: `${HERE}, where failures are logged (log)`,
  },
);

const source = section(SOURCE);

/** The source of URLs to fill; exactly one member is present. */
export type SourceOutput = GotOf<typeof source>;

export type DatabaseOutput = GotOf<typeof databaseSchema>;

export type ScheduleOutput = GotOf<typeof scheduleSchema>;

/** A configuration as the schema gives it: checked, with its defaults filled in. */
export type ConfigOutput = GotOf<typeof configSchema>;
