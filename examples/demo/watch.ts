// The effect of a write on the gate's stored responses: which URLs are invalidated, and which are left.
//
// This is the gate's view, not the demo's belief. The gate's admin API is asked for its entries before and after, and
// an entry counts as invalidated where it is outdated now, or gone, or has been filled again since (its stamp is
// later). Overlapping writes are told as one, since nobody could say which of them did what.

import { setTimeout } from 'node:timers/promises';
import type { OpenDatabase, TrackedDatabase } from '../../src/track/index.ts';
import { changesText, reportText } from './text.ts';

type FeedListener = Parameters<OpenDatabase['feed']['start']>[1];
export type ChangeSet = Parameters<FeedListener['changed']>[0];
export type Change = ChangeSet['changes'][number];

/** Stamps by URL of stored entries that are not outdated. */
type Stored = ReadonlyMap<string, number>;

interface Report {
  readonly before: Promise<Stored>;
  /** The writes, in the words of the terminal. */
  readonly writes: string[];
  /** Number of writing requests that are not answered yet. */
  underWay: number;
  isTelling: boolean;
}

const LOOK_AGAIN_MS = 10;
const MOST_LOOKS = 300;
const MAX_ENTRIES = 1000;

export class DemoWatch {
  readonly #settled: () => Promise<void>;
  /** URL of the admin API. */
  #admin: string | undefined;
  #print: (line: string) => void = () => undefined;
  #report: Report | undefined;

  constructor(settled: () => Promise<void>) {
    this.#settled = settled;
  }

  /** Resolves once the gate stores answers read from the database. */
  async begin(admin: string, print: (line: string) => void): Promise<void> {
    await until(async () => {
      const { sources } = (await ask(`${admin}/sources`)) as Sources;
      return sources.some(({ live }) => live);
    });
    this.#print = print;
    this.#admin = admin;
  }

  /** After this call, it prints nothing more. */
  end(): void {
    this.#admin = undefined;
  }

  /** Await this before a request writes; call its result when the request has been answered. */
  async writing(what: string): Promise<() => void> {
    const report = this.#open();
    report.writes.push(what);
    report.underWay++;
    await report.before;
    return () => {
      report.underWay--;
      this.#tell(report);
    };
  }

  /** The database, with changes reported here before they are passed on. */
  database(tracked: TrackedDatabase): TrackedDatabase {
    return {
      open: async (platform) => {
        const database = await tracked.open(platform);
        const { feed } = database;
        return {
          ...database,
          feed: {
            start: (from, listener) => feed.start(from, this.#listener(listener)),
            acknowledge: (position) => feed.acknowledge(position),
            status: () => feed.status(),
            stop: () => feed.stop(),
          },
        };
      },
    };
  }

  #listener(listener: FeedListener): FeedListener {
    return {
      changed: async (set) => {
        const report = await this.#changed(set);
        await listener.changed(set);
        if (report !== undefined) this.#tell(report);
      },
      gap: (reason, position) => listener.gap(reason, position),
      reached: (position) => listener.reached(position),
    };
  }

  /** A request, or another program, has written. */
  async #changed(set: ChangeSet): Promise<Report | undefined> {
    if (this.#admin === undefined) return undefined;
    const report = this.#open();
    if (report.underWay === 0) report.writes.push(changesText(set));
    await report.before;
    return report;
  }

  #open(): Report {
    this.#report ??= { before: this.#stored(), writes: [], underWay: 0, isTelling: false };
    return this.#report;
  }

  #tell(report: Report): void {
    if (report.isTelling || report.underWay > 0) return;
    report.isTelling = true;
    this.#whenOver(report)
      .catch((error: unknown) => {
        if (this.#admin !== undefined) this.#print(`${report.writes.join(' + ')} -> not known: ${String(error)}`);
      })
      .finally(() => {
        if (this.#report === report) this.#report = undefined;
      });
  }

  async #whenOver(report: Report): Promise<void> {
    const before = await report.before;
    let after: Stored;
    let told: number;
    do {
      told = report.writes.length;
      await until(async () => report.underWay === 0 && (await this.#hasNoIntent()));
      await this.#settled();
      after = await this.#stored();
    } while (report.writes.length > told);
    this.#report = undefined;
    if (this.#admin === undefined) return;
    const invalidated = [...before.keys()].filter((uri) => after.get(uri) !== before.get(uri));
    const left = [...before.keys()].filter((uri) => after.get(uri) === before.get(uri));
    this.#print(reportText(report.writes, { invalidated, left }));
  }

  /** The gate has done its part of answering a write (RFC 9111 §4.4). */
  async #hasNoIntent(): Promise<boolean> {
    if (this.#admin === undefined) return true;
    const stats = (await ask(`${this.#admin}/stats`)) as { readonly intentsOpen: number };
    return stats.intentsOpen === 0;
  }

  async #stored(): Promise<Stored> {
    const stored = new Map<string, number>();
    if (this.#admin === undefined) return stored;
    const { entries } = (await ask(`${this.#admin}/entries?limit=${MAX_ENTRIES}`)) as Entries;
    for (const { uri, coding, outdated, stamp } of entries) {
      if (!outdated && coding === undefined) stored.set(uri, stamp);
    }
    return stored;
  }
}

interface Sources {
  readonly sources: readonly { readonly live: boolean }[];
}

interface Entries {
  readonly entries: readonly {
    readonly uri: string;
    readonly coding?: string;
    readonly outdated: boolean;
    readonly stamp: number;
  }[];
}

/** One call of the admin API. */
async function ask(url: string): Promise<unknown> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`expected an answer of the gate, got ${response.status} for ${url}`);
  return response.json();
}

/** Waits until it is so, or for a bounded number of looks. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let look = 0; look < MOST_LOOKS; look++) {
    if (await isSo()) return;
    await setTimeout(LOOK_AGAIN_MS);
  }
}
