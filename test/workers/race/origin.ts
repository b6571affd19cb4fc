// The origin of the races: items with versions, and a list of all of them. What it answers names the version that it read, in
// the head and in every part of the body.

import type { Dice } from '../../sim/dice.ts';
import type { Reply, ServedRequest } from '../platform/network.ts';

export const ITEMS = ['/item/a', '/item/b', '/item/c'] as const;
export const LIST = '/list';
export const PATHS: readonly string[] = [...ITEMS, LIST];

export class VersionedOrigin {
  readonly #versions = new Map<string, number>(ITEMS.map((path) => [path, 1]));
  readonly #dice: Dice;
  reads = 0;
  writes = 0;
  /** Chances of what goes wrong with a write: an error after it is done, an error and it is not done. */
  failsAfter = 0;
  refuses = 0;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  /** The list's is the sum: every change of an item changes it. */
  version(path: string): number {
    if (path !== LIST) return this.#versions.get(path) ?? 0;
    return [...this.#versions.values()].reduce((sum, version) => sum + version, 0);
  }

  /** A change that no request brings. */
  change(path: string): void {
    this.#versions.set(path, this.version(path) + 1);
  }

  serve({ method, url }: ServedRequest): Reply {
    const path = url.pathname;
    if (!PATHS.includes(path)) return { status: 404, headers: {}, parts: [] };
    if (method === 'GET') return this.#read(path);
    this.writes++;
    if (path === LIST || this.#dice.chance(this.refuses)) return { status: 500, headers: {}, parts: [] };
    this.change(path);
    if (this.#dice.chance(this.failsAfter)) return { status: 500, headers: {}, parts: [] };
    const versions = { 'x-version': String(this.version(path)), 'x-list': String(this.version(LIST)) };
    return { status: 200, headers: { ...versions, 'cache-group-invalidation': '"items"' }, parts: [] };
  }

  #read(path: string): Reply {
    this.reads++;
    const version = String(this.version(path));
    const afterMs = () => (this.#dice.chance(0.1) ? this.#dice.below(200) : this.#dice.below(5));
    const parts = Array.from({ length: 1 + this.#dice.below(3) }, () => ({ text: `${version};`, afterMs: afterMs() }));
    const headers = {
      'cache-control': 'max-age=86400',
      'cache-groups': '"items"',
      'cache-tag': `tag${path.replaceAll('/', '-')}`,
      etag: `"${path}-${version}"`,
      'content-type': 'text/plain',
      'x-version': version,
    };
    return { status: 200, headers, parts };
  }
}
