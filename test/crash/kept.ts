// What the gate should still have after a restart: what it said it has, of which nothing has been changed since. So the
// share that it really has can be told.
//
// What an invalidation affects is forgotten as it is sent and again
// as it is over, and a read that began before that tells nothing.

import type { Resource } from './resources.ts';

interface Seen {
  readonly resource: Resource;
  readonly kind: string;
  readonly sinceMs: number;
  hits: number;
}

interface Answered {
  readonly hit: boolean;
  readonly stored: boolean;
  /** When the read began. */
  readonly beganMs: number;
}

/** Time that a gate has to bring to disk what it has stored: batches wait 50 ms, a busy machine's disk far longer. */
const SETTLED_MS = 1_000;

export class Kept {
  readonly #seen = new Map<string, Seen>();
  readonly #forgottenMs = new Map<Resource, number>();
  /** What has been asked of the gate that runs: only the first answer shows what was there at its start. */
  readonly #asked = new Set<string>();

  /** True: nobody asked this gate for it before. */
  isFirst(resource: Resource, kind: string): boolean {
    const key = keyOf(resource, kind);
    if (this.#asked.has(key)) return false;
    this.#asked.add(key);
    return true;
  }

  note(resource: Resource, kind: string, { hit, stored, beganMs }: Answered): void {
    if (resource.freshness !== 'long' || beganMs <= (this.#forgottenMs.get(resource) ?? 0)) return;
    const key = keyOf(resource, kind);
    const seen = this.#seen.get(key);
    if (seen !== undefined) seen.hits += hit ? 1 : 0;
    else if (hit || stored) this.#seen.set(key, { resource, kind, sinceMs: performance.now(), hits: hit ? 1 : 0 });
  }

  /** It is about to change or to be invalidated, or that is over. */
  forget(resource: Resource): void {
    this.#forgottenMs.set(resource, performance.now());
    for (const [key, seen] of this.#seen) if (seen.resource === resource) this.#seen.delete(key);
  }

  /** Another gate begins. Keeps what the last one had for long enough; `lost`: nothing can be said of what it had. */
  restart({ lost, endMs }: { readonly lost: boolean; readonly endMs: number }): void {
    this.#asked.clear();
    for (const [key, { hits, sinceMs }] of this.#seen) {
      if (lost || hits === 0 || sinceMs > endMs - SETTLED_MS) this.#seen.delete(key);
    }
  }

  expected(): { readonly resource: Resource; readonly kind: string }[] {
    return [...this.#seen.values()].map(({ resource, kind }) => ({ resource, kind }));
  }
}

function keyOf({ id }: Resource, kind: string): string {
  return `${id} ${kind}`;
}
