// What fills entries while no client waits: what each key means, and its default. Imports types alone.

import type { Duration } from '../options/durations.ts';

/** Exactly one of these. URLs are in the form that clients ask for; each must have a route. */
interface PopulateSourceConfig {
  /** Default: none. */
  readonly urls?: readonly string[] | undefined;
  /** A file with a URL a line, or with JSON lines; relative to the configuration's folder. Default: none. */
  readonly file?: string | undefined;
  /** URL of an XML sitemap, or of an index of such; asked from its origin. Default: none. */
  readonly sitemap?: string | undefined;
  /** True fills everything stored on disk or in memory. Default: none. */
  readonly manifest?: boolean | undefined;
}

export interface PopulateConfig {
  /** Fills under way at one origin, 1 to 64. Default 4. */
  readonly concurrency?: number | undefined;
  /** Requests to one origin in a second. Default 100. 0: any number. */
  readonly ratePerSecond?: number | undefined;
  readonly rehydrate?: RehydrateConfig | undefined;
  readonly prediction?: PredictionConfig | undefined;
  /** Webhooks by name: `POST /publish/<name>` of the admin API. Default: none. */
  readonly publish?: { readonly [name: string]: PublishConfig } | undefined;
  /** Fills at the start of the gate. Default: none. */
  readonly onStart?: PopulateSourceConfig | undefined;
}

interface RehydrateConfig {
  /** Entries filled again after one invalidation, the most used first. Default 100. 0: none. */
  readonly maxEntries?: number | undefined;
}

interface PublishConfig {
  /** A bearer token that is right for this webhook alone, beside that of the admin API. Default: none. */
  readonly token?: string | undefined;
  /** File that holds it; relative to the configuration's folder. Default: none. */
  readonly tokenFile?: string | undefined;
  /**
   * URLs that the content of a call names, invalidated and filled: `https://www.example.org/posts/{entry.slug}` has the member slug of
   * the member entry, `{entries[].slug}` that of each element, `{+path}` a text as it is, without percent-encoding. Default: none.
   */
  readonly urls?: readonly string[] | undefined;
  /** Tags that it names, invalidated. Default: none. */
  readonly tags?: readonly string[] | undefined;
}

interface PredictionConfig {
  /**
   * Further origin requests for what is likely asked for next, as a part of those that clients cause, 0 to 1. Default 0: nothing is
   * predicted.
   */
  readonly budget?: number | undefined;
  /** The part of what is filled so that is to be asked for, 0 to 1: below, less is predicted. Default 0.5. */
  readonly leastPrecision?: number | undefined;
}

export interface ScheduleConfig extends PopulateSourceConfig {
  /** Name in logs and lists. Default `schedule-1` for the first, and so on. */
  readonly name?: string | undefined;
  /** When it runs: a cron expression in the time of this machine, with seconds if need be. Either this or every. */
  readonly cron?: string | undefined;
  /** Runs so often, at least every second. Either this or cron. */
  readonly every?: Duration | undefined;
  /** Fills under way at once, where that is to be less than `populate.concurrency`. Default: no limit of its own. */
  readonly concurrency?: number | undefined;
  /** Requests in a second, where that is to be less than `populate.ratePerSecond`. Default: no limit of its own. */
  readonly ratePerSecond?: number | undefined;
}
