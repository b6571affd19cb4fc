// The truth: records, the commits that change them, and what each resource was at which commit.
//
// What has been acknowledged is kept per resource, for an invalidation may cover some of the
// resources that a commit changed and not the others. `acknowledged` is the oldest version a client may still be shown.

import type { Resource } from './resources.ts';

/** What a resource was from one commit on. Versions are numbers of commits; 0 is the beginning. */
export interface Version {
  readonly number: number;
  readonly at: number;
  /** True: its record is deleted, so it answers 404 or 410. */
  readonly gone: boolean;
}

export class Database {
  readonly resources: readonly Resource[];
  readonly recordCount: number;
  commits = 0;
  /** Commits in the same second as another of the same resource. */
  sameSecond = 0;
  readonly #gone = new Set<number>();
  readonly #versions: Version[][];
  readonly #acknowledged: number[];

  constructor(resources: readonly Resource[], recordCount: number, startAt: number) {
    this.resources = resources;
    this.recordCount = recordCount;
    this.#versions = resources.map((resource) => [{ number: 0, at: startAt - resource.initialAgeMs, gone: false }]);
    this.#acknowledged = resources.map(() => 0);
  }

  /** Changes the records now; returns the commit's number. */
  commit(records: readonly number[], change: { readonly at: number; readonly deletes?: boolean }): number {
    const number = ++this.commits;
    for (const record of records) {
      if (change.deletes === true) this.#gone.add(record);
      else this.#gone.delete(record);
    }
    for (const resource of this.affected(records)) {
      const versions = this.#versions[resource.index] as Version[];
      const { at } = change;
      if (Math.floor((versions.at(-1) as Version).at / 1000) === Math.floor(at / 1000)) this.sameSecond++;
      versions.push({ number, at, gone: this.#gone.has(resource.records[0] as number) });
    }
    return number;
  }

  affected(records: readonly number[]): Resource[] {
    return this.resources.filter((resource) => resource.records.some((record) => records.includes(record)));
  }

  current(resource: Resource): Version {
    return (this.#versions[resource.index] as Version[]).at(-1) as Version;
  }

  version(resource: Resource, number: number): Version | undefined {
    return (this.#versions[resource.index] as Version[]).find((version) => version.number === number);
  }

  /** Every version from `first` on. */
  since(resource: Resource, first: number): Version[] {
    return (this.#versions[resource.index] as Version[]).filter((version) => version.number >= first);
  }

  /** From now on no client may be shown anything older than this version. */
  acknowledge(resource: Resource, number: number): void {
    this.#acknowledged[resource.index] = Math.max(this.acknowledged(resource), number);
  }

  acknowledged(resource: Resource): number {
    return this.#acknowledged[resource.index] as number;
  }
}
