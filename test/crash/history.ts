// All that is true: each version the origin ever had, each acknowledgement the gate ever gave, over all its lives. It
// knows nothing of how the gate works.
//
// A write that a kill cut off. The gate had forwarded it, so it has written down its intent: once
// the origin has carried it out, nothing that was read before may come from a gate that started after the kill. What the
// write changed besides its target nobody was told, and nothing is promised of it.

import type { Resource } from './resources.ts';

interface Version {
  readonly number: number;
  readonly gone: boolean;
}

/** The version that an answer must show at least, and why. */
export interface Bound {
  readonly version: number;
  /** The life of the gate that gave the acknowledgement. */
  readonly life: number;
  readonly cause: 'acknowledged' | 'intent';
}

const NO_BOUND: Bound = { version: 0, life: 0, cause: 'acknowledged' };

/** An unsafe request, from its sending until its answer. */
export interface Write {
  readonly target: Resource;
  readonly life: number;
  /** What it changed so far, and to which version. */
  readonly changed: Map<Resource, number>;
  received: boolean;
  /** Its answer came; or it never will, since the gate that forwarded it is gone. */
  outcome: 'open' | 'answered' | 'cut';
}

interface Owed {
  readonly resource: Resource;
  readonly bound: Bound;
  readonly fromMs: number;
}

/** A fill that began before a late change may be joined by those who come after it, for so long. */
const LONGEST_FILL_MS = 1_500;

export class History {
  readonly #versions = new Map<Resource, Version[]>();
  readonly #bounds = new Map<Resource, Bound>();
  /** Bounds that hold from a time on. */
  readonly #owed: Owed[] = [];

  constructor(resources: readonly Resource[]) {
    for (const resource of resources) this.#versions.set(resource, [{ number: 1, gone: false }]);
  }

  current(resource: Resource): Version {
    return this.#of(resource).at(-1) as Version;
  }

  version(resource: Resource, number: number): Version | undefined {
    return this.#of(resource)[number - 1];
  }

  change(resource: Resource, gone = false): number {
    const number = this.current(resource).number + 1;
    this.#of(resource).push({ number, gone });
    return number;
  }

  /** What the gate promised: nobody who comes from now on gets an older version. */
  acknowledge(resource: Resource, bound: Bound): void {
    if (bound.version > (this.#bounds.get(resource) ?? NO_BOUND).version) this.#bounds.set(resource, bound);
  }

  /** The gate is dead; its writes without an answer. Call it once the last bytes of its connections have come in. */
  cut(writes: Iterable<Write>): void {
    for (const write of writes) {
      if (write.outcome !== 'open') continue;
      write.outcome = 'cut';
      const version = write.changed.get(write.target);
      if (version !== undefined) this.acknowledge(write.target, { version, life: write.life, cause: 'intent' });
    }
  }

  /** Carries out a change that a write asked for. */
  carryOut(write: Write, changes: readonly { readonly resource: Resource; readonly gone: boolean }[]): void {
    for (const { resource, gone } of changes) {
      const version = this.change(resource, gone);
      write.changed.set(resource, version);
      if (write.outcome !== 'cut' || resource !== write.target) continue;
      const bound: Bound = { version, life: write.life, cause: 'intent' };
      this.#owed.push({ resource, bound, fromMs: performance.now() + LONGEST_FILL_MS });
    }
  }

  /** What a read that starts now must show. */
  bound(resource: Resource): Bound {
    const now = performance.now();
    for (let at = this.#owed.length - 1; at >= 0; at--) {
      const owed = this.#owed[at] as Owed;
      if (owed.fromMs > now) continue;
      this.acknowledge(owed.resource, owed.bound);
      this.#owed.splice(at, 1);
    }
    return this.#bounds.get(resource) ?? NO_BOUND;
  }

  #of(resource: Resource): Version[] {
    const versions = this.#versions.get(resource);
    if (versions === undefined) throw new TypeError(`expected a resource of this run, got ${resource.path}`);
    return versions;
  }
}
