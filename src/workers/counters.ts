// Counters of the operations that the platform charges for (bill.ts has the prices). They are those of one isolate; the data
// points of Analytics Engine add up all.

/** The order of the doubles of a data point. */
export const OPERATIONS = [
  'requests',
  'cpuMs',
  'subrequests',
  'kvReads',
  'kvWrites',
  'kvDeletes',
  'kvLists',
  'objectRequests',
  'objectGbSeconds',
  'objectRowsRead',
  'objectRowsWritten',
  'd1RowsRead',
  'd1RowsWritten',
  'dataPoints',
] as const;

export type Operation = (typeof OPERATIONS)[number];

/** How often each operation was done. */
export type Counts = { readonly [operation in Operation]: number };

export function countsOf(count: (name: Operation) => number): Counts {
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
