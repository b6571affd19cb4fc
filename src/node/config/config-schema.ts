// The schema of `tidegate.config.ts`: the kind of each key and its default. config-types.ts explains the keys; a test
// compares the two, and both with docs/configuration.md.

import { z } from 'zod';
import { CODINGS } from '../../semantics/content-coding.ts';
import { CODING_DEFAULTS } from '../../site/resolved.ts';
import * as kind from './config-values.ts';

const { duration, flag, integer, list, oneOf, refusal, section, table, timeout } = kind;

const originSchema = section({
  url: kind.originUrl.transform((url) => new URL(url).origin),
  connectTimeout: timeout(1).prefault('5s'),
  headTimeout: timeout(1).prefault('1m'),
  bodyTimeout: timeout(1).prefault('1m'),
  connections: integer(1).default(128),
  retries: integer(0, 10).default(1),
  circuitBreaker: section({
    failures: integer(0).default(5),
    open: timeout().prefault('5s'),
  }).prefault({}),
  hostHeader: kind.authority.optional(),
  http2: flag().default(true),
  tls: section({ ca: kind.text.optional() }).prefault({}),
});

const fieldEditsSchema = section({
  set: table(kind.editableField, kind.fieldContent).default({}),
  remove: list(kind.editableField).default([]),
});

/** A name that must be there, or a name whose value must match a pattern. */
function named(name: z.ZodCustom<string, string>, what: string) {
  const expected = `the name of a ${what}, or { name, value } with a pattern as value`;
  return z.union([name, section({ name, value: kind.pattern })], refusal(expected));
}

const bypassSchema = section({
  method: kind.methods.optional(),
  path: kind.pathPatterns.optional(),
  header: named(kind.fieldName, 'field').optional(),
  cookie: named(kind.token, 'cookie').optional(),
});

const querySchema = z.union(
  [z.literal('all'), section({ keep: list(kind.parameterName) }), section({ drop: list(kind.parameterName) })],
  refusal('"all", { keep: [names] } or { drop: [names] }'),
);

const cookiesSchema = section({
  key: list(kind.cookiePattern).default([]),
  drop: z
    .union([z.literal('all'), list(kind.cookiePattern)], refusal('"all" or a list of names or patterns of cookies'))
    .default([]),
});

const codingSchema = section({
  codings: kind.listOfSome(oneOf(...CODINGS)).default([...CODING_DEFAULTS.codings]),
  minBytes: integer(0).default(CODING_DEFAULTS.minBytes),
  types: list(kind.mediaType).optional(),
});

export const routeSchema = section({
  name: kind.entityName.optional(),
  match: section({ host: kind.hostPatterns.optional(), path: kind.pathPatterns.optional() }).prefault({}),
  origin: kind.entityName.optional(),
  tenant: kind.entityName.optional(),
  profile: oneOf('safe', 'conformance').default('safe'),
  ttl: duration().optional(),
  defaultTtl: duration().optional(),
  staleWhileRevalidate: duration().default(0),
  staleIfError: duration().default(0),
  grace: duration().optional(),
  negativeTtl: duration().default(0),
  cookies: cookiesSchema.optional(),
  clientDirectives: oneOf('ignore', 'honour').optional(),
  maxBodyBytes: integer(0).default(64 * 1024 * 1024),
  query: querySchema.default('all'),
  sortQuery: flag().default(false),
  request: fieldEditsSchema.prefault({}),
  response: fieldEditsSchema.prefault({}),
  bypass: list(bypassSchema).default([]),
  showTags: flag().default(false),
  bodyOnGet: flag().default(false),
  upgrade: flag().default(false),
  originHost: kind.authority.optional(),
  compress: z
    .union([z.boolean(), codingSchema], refusal('true, false or { codings, minBytes, types } with known values'))
    .default(false),
});

const databaseSchema = section({
  sqlite: kind.text.optional(),
  postgres: section({
    connection: kind.connection.optional(),
    mode: oneOf('replication', 'triggers').default('replication'),
    slot: kind.slotName.optional(),
    publication: kind.text.optional(),
    identity: oneOf('full', 'key').default('full'),
  }).optional(),
  tables: kind.listOfSome(kind.text).optional(),
});

/** Apart, for commands that read nothing else of a configuration. */
export const databasesSchema = table(kind.sourceName, databaseSchema).default({});

const sourceShape = {
  urls: kind.listOfSome(kind.clientUrl).optional(),
  file: kind.text.optional(),
  sitemap: kind.clientUrl.optional(),
  manifest: flag().optional(),
};

const scheduleSchema = section({
  name: kind.entityName.optional(),
  cron: kind.cronExpression.optional(),
  every: timeout(1_000).optional(),
  ...sourceShape,
  concurrency: integer(1).optional(),
  ratePerSecond: integer(1).optional(),
});

export const configSchema = section({
  listen: section({
    host: kind.text.default('127.0.0.1'),
    port: integer(0, 65_535).default(8080),
    tls: section({
      certificates: kind.listOfSome(
        section({ cert: kind.text, key: kind.text, hosts: list(kind.certificateHost).optional() }),
      ),
      minVersion: oneOf('TLSv1.2', 'TLSv1.3').default('TLSv1.2'),
    }).optional(),
    http2: flag().default(true),
    proxyProtocol: flag().default(false),
  }).prefault({}),
  admin: section({
    host: kind.text.default('127.0.0.1'),
    port: integer(0, 65_535).default(8081),
    token: kind.bearerToken.optional(),
    tokenFile: kind.text.optional(),
  }).prefault({}),
  memory: section({ maxBytes: integer(0).default(256 * 1024 * 1024) }).prefault({}),
  disk: section({ path: kind.text, maxBytes: integer(1024 ** 2).default(10 * 1024 ** 3) }).optional(),
  origins: table(kind.entityName, originSchema),
  routes: list(routeSchema).default([]),
  sources: databasesSchema,
  populate: section({
    concurrency: integer(1, 64).default(4),
    ratePerSecond: integer(0).default(100),
    rehydrate: section({ maxEntries: integer(0).default(100) }).prefault({}),
    onStart: section(sourceShape).optional(),
  }).prefault({}),
  schedule: list(scheduleSchema).default([]),
  limits: section({
    maxTargetBytes: integer(1).default(8_192),
    maxHeadBytes: integer(1).default(16_384),
    maxFields: integer(1).default(100),
    maxConnections: integer(1).default(10_000),
    headTimeout: timeout(1).prefault('10s'),
    keepAlive: timeout(1).prefault('5s'),
    maxRequestBodyBytes: integer(0).default(1024 ** 3),
  }).prefault({}),
  log: section({
    level: oneOf('debug', 'info', 'warn', 'error', 'silent').default('info'),
    file: kind.text.default('stdout'),
    showValues: flag().default(false),
  }).prefault({}),
  trustedProxies: list(kind.network).default([]),
  targetedFields: list(kind.fieldName).default(['cdn-cache-control']),
  cacheName: kind.token.default('tidegate'),
  workers: kind.workers.default(1),
});

/** The source of URLs to fill; exactly one member is present. */
export type SourceOutput = Pick<z.output<typeof scheduleSchema>, keyof typeof sourceShape>;

export type DatabaseOutput = z.output<typeof databaseSchema>;

export type ScheduleOutput = z.output<typeof scheduleSchema>;

/** A configuration as the schema gives it: checked, with its defaults filled in. */
export type ConfigOutput = z.output<typeof configSchema>;
