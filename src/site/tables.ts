// The keys that the configurations of all runtimes have: the form of each and its default. route-types.ts explains those of a
// route; a test compares the two, and both with docs/configuration.md.

import {
  duration,
  either,
  flag,
  type GotOf,
  integer,
  type Kind,
  list,
  oneOf,
  section,
  table,
  text,
  timeout,
} from '../options/sections.ts';
import { CODINGS } from '../semantics/content-coding.ts';
import * as kind from './kinds.ts';

const fieldEdits = section({
  set: table(kind.editableField, kind.fieldContent).default({}),
  remove: list(kind.editableField).default([]),
});

const bypassRule = section({
  method: kind.methods.optional(),
  path: kind.pathPatterns.optional(),
  header: kind.header.optional(),
  cookie: kind.cookie.optional(),
});

const query = either(
  '"all", { keep: [names] } or { drop: [names] }',
  oneOf('all'),
  section({ keep: list(kind.parameterName) }),
  section({ drop: list(kind.parameterName) }),
);

const cookies = section({
  key: list(kind.cookiePattern).default([]),
  drop: either('"all" or a list of names or patterns of cookies', oneOf('all'), list(kind.cookiePattern)).default([]),
});

const variants = section({
  accept: list(kind.offeredType, 1).optional(),
  acceptEncoding: list(kind.offeredCoding, 1).optional(),
  acceptLanguage: list(kind.offeredLanguage, 1).optional(),
});

const outward = section({
  maxAge: duration().default(0),
  sMaxage: duration().default(0),
  staleWhileRevalidate: duration().default(0),
});

/** `{}`: what `compress: true` means. */
export const coding = section({
  codings: list(oneOf(...CODINGS), 1).default(CODINGS),
  minBytes: integer(0).default(1_024),
  types: list(kind.mediaType).optional(),
});

const METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** `path-readings.ts` says what each means. */
export const ORIGIN_PATHS = section({
  mergeSlashes: flag.default(true),
  decodeSlash: flag.default(true),
  parameters: flag.default(true),
  caseInsensitive: flag.default(true),
}).default({});

export const ROUTE = {
  name: kind.entityName.optional(),
  match: section({ host: kind.hostPatterns.optional(), path: kind.pathPatterns.optional() }).default({}),
  origin: kind.entityName.optional(),
  tenant: kind.entityName.optional(),
  profile: oneOf('safe', 'conformance').default('safe'),
  ttl: duration().optional(),
  defaultTtl: duration().optional(),
  staleWhileRevalidate: duration().default(0),
  staleIfError: duration().default(0),
  grace: duration().optional(),
  negativeTtl: duration().default(0),
  cookies: cookies.optional(),
  variants: variants.optional(),
  clientDirectives: oneOf('ignore', 'honour').optional(),
  methods: either('"all" or a list of methods', oneOf('all'), list(kind.takenMethod, 1)).default(METHODS),
  maxBodyBytes: integer(0).default(64 * 1024 * 1024),
  query: query.default('all'),
  sortQuery: flag.default(false),
  request: fieldEdits.default({}),
  response: fieldEdits.default({}),
  bypass: list(bypassRule).default([]),
  showTags: flag.default(false),
  bodyOnGet: flag.default(false),
  streamRequests: flag.default(false),
  upgrade: flag.default(false),
  originHost: kind.authority.optional(),
  outward: outward.optional(),
  compress: either('true, false or { codings, minBytes, types } with known values', flag, coding).default(false),
};

/** Exactly one of them names what is filled. */
export const SOURCE = {
  urls: list(kind.clientUrl, 1).optional(),
  file: text.optional(),
  sitemap: kind.clientUrl.optional(),
  manifest: flag.optional(),
};

/** `cron`: what the runtime takes for a cron expression. */
export function scheduleOf(cron: Kind<string>) {
  return {
    name: kind.entityName.optional(),
    cron: cron.optional(),
    every: timeout(1_000).optional(),
    ...SOURCE,
    concurrency: integer(1).optional(),
    ratePerSecond: integer(1).optional(),
  };
}

export const POPULATE = {
  concurrency: integer(1, 64).default(4),
  ratePerSecond: integer(0).default(100),
  rehydrate: section({ maxEntries: integer(0).default(100) }).default({}),
  prediction: section({ budget: kind.part.default(0), leastPrecision: kind.part.default(0.5) }).default({}),
  onStart: section(SOURCE).optional(),
  publish: table(
    kind.entityName,
    section({
      token: kind.bearerToken.optional(),
      tokenFile: text.optional(),
      urls: list(kind.urlTemplate).default([]),
      tags: list(text).default([]),
    }),
  ).default({}),
};

/** How a site is named, and which fields of answers it obeys. */
export const NAMES = {
  targetedFields: list(kind.fieldName).default(['cdn-cache-control']),
  cacheName: kind.token.default('tidegate'),
};

export const ROUTE_SECTION = section(ROUTE);

export type RouteGot = GotOf<typeof ROUTE_SECTION>;
