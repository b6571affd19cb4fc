// What one layer of the imitated Workers Cache keeps, which of it a purge means, and how many purges there may be.

import { type Kept, selects } from './cache-rules.ts';

export interface PurgeRequest {
  readonly tags?: readonly string[];
  readonly pathPrefixes?: readonly string[];
  readonly purgeEverything?: boolean;
}

export interface PurgeResult {
  readonly success: boolean;
  readonly errors: readonly { readonly message: string }[];
}

/** What a layer keeps: all variants of each key. */
export class Layer {
  readonly kept = new Map<string, Kept[]>();

  find(key: string, request: Request): Kept | undefined {
    return this.kept.get(key)?.find(({ selected }) => selects(request, selected));
  }

  put(kept: Kept): void {
    const isSame = (other: Kept) => JSON.stringify([...other.selected]) === JSON.stringify([...kept.selected]);
    const others = this.kept.get(kept.key)?.filter((other) => !isSame(other)) ?? [];
    this.kept.set(kept.key, [...others, kept]);
  }

  purge(isMeant: (kept: Kept) => boolean): void {
    for (const [key, variants] of this.kept) {
      this.kept.set(
        key,
        variants.filter((kept) => !isMeant(kept)),
      );
    }
  }

  mark(isMeant: (kept: Kept) => boolean): void {
    for (const kept of [...this.kept.values()].flat()) kept.isMarked ||= isMeant(kept);
  }
}

/** Names and paths are those of the entrypoint that calls. */
export function meantBy(what: PurgeRequest, entrypoint: string): (kept: Kept) => boolean {
  const { tags = [], pathPrefixes = [], purgeEverything = false } = what;
  const lower = new Set(tags.map((tag) => tag.toLowerCase()));
  return (kept) =>
    kept.entrypoint === entrypoint &&
    (purgeEverything ||
      [...kept.tags].some((tag) => lower.has(tag)) ||
      pathPrefixes.some((prefix) => kept.path.startsWith(prefix)));
}

const MAX_NAMES = 100;
const CALLS_AT_ONCE = 25;
const CALL_MS = 12_000;

/** One for all callers. */
export class PurgeBudget {
  readonly #time: { now(): number };
  #calls = CALLS_AT_ONCE;
  #filledAt: number;

  constructor(time: { now(): number }) {
    this.#time = time;
    this.#filledAt = time.now();
  }

  call({ tags = [], pathPrefixes = [], purgeEverything = false }: PurgeRequest): PurgeResult {
    const names = tags.length + pathPrefixes.length + (purgeEverything ? 1 : 0);
    if (names === 0 || names > MAX_NAMES) return refusal(`expected 1 to ${MAX_NAMES} operations, got ${names}`);
    const refilled = Math.floor((this.#time.now() - this.#filledAt) / CALL_MS);
    this.#calls = Math.min(CALLS_AT_ONCE, this.#calls + refilled);
    this.#filledAt += refilled * CALL_MS;
    if (this.#calls === 0) return refusal('expected a call that the rate allows, got one too many');
    this.#calls--;
    return { success: true, errors: [] };
  }
}

function refusal(message: string): PurgeResult {
  return { success: false, errors: [{ message }] };
}
