// The Cache API of one simulated data centre: all of its isolates share it, other data centres do not. What it refuses on the
// platform it refuses here.

import type { World } from './world.ts';

interface Kept {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
  readonly endsAt: number;
}

export class DataCentreCache {
  readonly #world: World;
  readonly #kept = new Map<string, Kept>();
  /** Chance that an entry is gone when it is asked for. */
  evicts = 0.05;

  constructor(world: World) {
    this.#world = world;
  }

  /** What isolates find as `caches`. */
  get global(): unknown {
    return { default: this.#named(''), open: async (name: string) => this.#named(name) };
  }

  #named(name: string): unknown {
    const call = <T>(effect: () => T | Promise<T>) => this.#world.call('Cache API', effect);
    return {
      match: (request: Request | string) => call(() => this.#match(`${name} ${urlOf(request)}`, request)),
      put: (request: Request | string, response: Response) => this.#put(`${name} ${urlOf(request)}`, request, response),
      delete: (request: Request | string) => call(() => this.#kept.delete(`${name} ${urlOf(request)}`)),
    };
  }

  #match(key: string, request: Request | string): Response | undefined {
    if (typeof request !== 'string' && request.method !== 'GET') return undefined;
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    if (kept.endsAt <= this.#world.now || this.#world.dice.chance(this.evicts)) {
      this.#kept.delete(key);
      return undefined;
    }
    const headers = new Headers(kept.headers);
    headers.set('cf-cache-status', 'HIT');
    return new Response(kept.body.slice(), { status: kept.status, headers });
  }

  async #put(key: string, request: Request | string, response: Response): Promise<void> {
    if (typeof request !== 'string' && request.method !== 'GET')
      throw new TypeError('Cannot cache response to non-GET');
    if (response.status === 206) throw new TypeError('Cannot cache response with status 206');
    if (response.headers.get('vary')?.includes('*')) throw new TypeError("Cannot cache response with 'Vary: *' header");
    const body = new Uint8Array(await response.arrayBuffer());
    const control = response.headers.get('cache-control') ?? '';
    const seconds = Number(/(?:s-maxage|max-age)=(\d+)/.exec(control)?.[1] ?? 0);
    await this.#world.call('Cache API', () => {
      const isKept = !/no-store|private|no-cache/.test(control) && !response.headers.has('set-cookie') && seconds > 0;
      if (!isKept) return;
      const endsAt = this.#world.now + seconds * 1_000;
      this.#kept.set(key, { status: response.status, headers: new Headers(response.headers), body, endsAt });
    });
  }
}

function urlOf(request: Request | string): string {
  return typeof request === 'string' ? request : request.url;
}
