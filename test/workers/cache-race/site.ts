// The site of the race: a few resources, each made of versions of its own URL and of its tags. The origin reads and writes them at
// one instant, and takes its time before and after.

import type { SimulatedTime } from '../../kit/simulated-time.ts';
import type { Dice } from '../../sim/dice.ts';

export const RESOURCES = { '/a': ['t1'], '/b': ['t1', 't2'], '/c': [] } as const;
export type Path = keyof typeof RESOURCES;
export const PATHS = Object.keys(RESOURCES) as readonly Path[];
export type Versions = Readonly<Record<string, number>>;

export class Site {
  versions: Versions = { '/a': 0, '/b': 0, '/c': 0, t1: 0, t2: 0 };
  reads = 0;
  readonly #time: SimulatedTime;
  readonly #dice: Dice;

  constructor(time: SimulatedTime, dice: Dice) {
    this.#time = time;
    this.#dice = dice;
  }

  change(name: string): void {
    this.versions = { ...this.versions, [name]: (this.versions[name] ?? 0) + 1 };
  }

  /** As a handler; a write changes the version of its URL. */
  async fetch(request: Request): Promise<Response> {
    const path = new URL(request.url).pathname as Path;
    await this.#pause();
    if (request.method !== 'GET') {
      this.change(path);
      const version = String(this.versions[path]);
      await this.#pause();
      return new Response(null, { status: 204, headers: { version } });
    }
    this.reads++;
    const text = JSON.stringify(this.versions);
    await this.#pause();
    const headers = new Headers({ 'cache-control': `max-age=${this.#dice.pick([1, 30, 600])}` });
    if (RESOURCES[path].length > 0) headers.set('cache-tag', RESOURCES[path].join(','));
    return new Response(this.#body(text), { headers });
  }

  #body(text: string): ReadableStream<Uint8Array> {
    const half = Math.floor(text.length / 2);
    const parts = [text.slice(0, half), text.slice(half)];
    return new ReadableStream({
      pull: async (controller) => {
        await this.#pause();
        const part = parts.shift();
        if (part === undefined) controller.close();
        else controller.enqueue(Buffer.from(part));
      },
    });
  }

  #pause(): Promise<void> {
    const ms = this.#dice.chance(0.1) ? this.#dice.below(3_000) : this.#dice.below(60);
    return new Promise((resolve) => void this.#time.later(ms, resolve));
  }
}

/** What of the resource is older in the text than it must be. */
export function outdatedIn(path: Path, text: string, must: Versions): readonly string[] {
  const shown = JSON.parse(text) as Versions;
  const names = [path, ...RESOURCES[path]].filter((name) => (shown[name] as number) < (must[name] as number));
  return names.map((name) => `${path} shows version ${shown[name]} of ${name}, expected ${must[name]} or later`);
}
