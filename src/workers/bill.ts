// What a Worker's operations cost: Cloudflare's prices in one table, counters of the operations that are billed, and the
// estimate that follows from both. The counters are those of one isolate; the data points of Analytics Engine add up all.

/** Cloudflare's prices beyond what the plan includes, in US dollars. Prices change: compare them with `source`. */
export const PRICES = {
  asOf: '2026-11',
  source: 'https://developers.cloudflare.com/workers/platform/pricing/',
  plan: 'Workers Paid, standard usage model',
  /** For one million of each. */
  perMillion: {
    /** Requests to the Worker. A hit of the Workers Cache in front of it counts too; a call of a binding does not. */
    requests: 0.3,
    /** Milliseconds of CPU time. */
    cpuMs: 0.02,
    /** Calls of other services during a request: free of charge, limited in number. */
    subrequests: 0,
    /** Keys read, those that are not there among them. */
    kvReads: 0.5,
    kvWrites: 5,
    kvDeletes: 5,
    /** Pages of a list. */
    kvLists: 5,
    /** Calls of a Durable Object, by RPC or fetch, and its alarms. */
    objectRequests: 0.15,
    /** Gigabyte-seconds that a Durable Object of 128 MB runs. */
    objectGbSeconds: 12.5,
    /** Rows that SQLite in a Durable Object scans. */
    objectRowsRead: 0.001,
    objectRowsWritten: 1,
    /** Rows that D1 scans. */
    d1RowsRead: 0.001,
    d1RowsWritten: 1,
    /** Data points of Analytics Engine. */
    dataPoints: 0.25,
  },
  /** For one gigabyte a month. Not part of an estimate by requests. */
  storagePerGbMonth: { kv: 0.5, objects: 0.2, d1: 0.75 },
} as const;

export type Operation = keyof typeof PRICES.perMillion;

/** The order of the doubles of a data point. */
export const OPERATIONS = Object.keys(PRICES.perMillion) as readonly Operation[];

/** How often each operation was done. */
export type Counts = { readonly [operation in Operation]: number };

export interface Bill {
  /** Operations for 1,000 requests. */
  readonly per1000Requests: Counts;
  /** US dollars for a million requests, by operation; those that cost nothing are left out. */
  readonly usdPerMillionRequests: { readonly [operation in Operation]?: number };
  readonly totalUsdPerMillionRequests: number;
  /** Year and month of the prices. */
  readonly pricesAsOf: string;
  readonly source: string;
}

/** The estimate is at the margin: what the plan includes is not taken off. All is 0 without a request. */
export function billOf(counts: Counts): Bill {
  const each = (count: number) => (counts.requests === 0 ? 0 : count / counts.requests);
  const costs = OPERATIONS.map((name) => [name, each(counts[name]) * PRICES.perMillion[name]] as const);
  return {
    per1000Requests: countsOf((name) => each(counts[name]) * 1000),
    usdPerMillionRequests: Object.fromEntries(costs.filter(([, usd]) => usd > 0)),
    totalUsdPerMillionRequests: costs.reduce((sum, [, usd]) => sum + usd, 0),
    pricesAsOf: PRICES.asOf,
    source: PRICES.source,
  };
}

function countsOf(count: (name: Operation) => number): Counts {
  return Object.fromEntries(OPERATIONS.map((name) => [name, count(name)])) as Counts;
}

/** What the binding of an Analytics Engine dataset offers. */
export interface Dataset {
  writeDataPoint(point: {
    readonly indexes: readonly string[];
    readonly blobs: readonly string[];
    readonly doubles: readonly number[];
  }): void;
}

const TELL_EVERY_MS = 60_000;

/** The counters of one isolate. */
export class Counters {
  readonly #counts = countsOf(() => 0) as { [operation in Operation]: number };
  #told = countsOf(() => 0);
  #dueMs: number | undefined;

  add(name: Operation, count = 1): void {
    this.#counts[name] += count;
  }

  counts(): Counts {
    return { ...this.#counts };
  }

  /** `tell`, where the last time is at least a minute ago by this clock. */
  tellDue(dataset: Dataset, site: string, nowMs: number): void {
    this.#dueMs ??= nowMs + TELL_EVERY_MS;
    if (nowMs < this.#dueMs) return;
    this.#dueMs = nowMs + TELL_EVERY_MS;
    this.tell(dataset, site);
  }

  /**
   * Writes what was counted since the last data point: the site is the index and the first blob, the doubles have the
   * order of `OPERATIONS`. Nothing is written where nothing was counted.
   */
  tell(dataset: Dataset, site: string): void {
    const told = this.#told;
    if (OPERATIONS.every((name) => this.#counts[name] === told[name])) return;
    this.add('dataPoints');
    this.#told = this.counts();
    const doubles = OPERATIONS.map((name) => this.#counts[name] - told[name]);
    // An index has at most 96 bytes.
    dataset.writeDataPoint({ indexes: [site.slice(0, 32)], blobs: [site], doubles });
  }

  /** The same binding, whose calls are counted: `operations` says for each method what a call with `args` is. */
  counting<Binding extends object>(binding: Binding, operations: CountedMethods<Binding>): Binding {
    return new Proxy(binding, {
      get: (target, name) => {
        // A binding's methods ask for the binding itself as `this`.
        const value = Reflect.get(target, name) as unknown;
        if (typeof value !== 'function') return value;
        const operation = operations[name as keyof Binding];
        return (...args: readonly unknown[]) => {
          if (operation !== undefined) {
            this.add('subrequests');
            this.add(operation, operation === 'kvReads' && Array.isArray(args[0]) ? args[0].length : 1);
          }
          return Reflect.apply(value, target, args);
        };
      },
    });
  }
}

export type CountedMethods<Binding extends object> = { readonly [method in keyof Binding]?: Operation };

/** For `counting`: the methods of a KV namespace. A read of many keys counts as many. */
export const KV_OPERATIONS = {
  get: 'kvReads',
  getWithMetadata: 'kvReads',
  put: 'kvWrites',
  delete: 'kvDeletes',
  list: 'kvLists',
} as const;
