// A gate on simulated time before an origin that changes, with clients that ask: it knows of each hit whether it was outdated, so
// what the prober says can be held against the truth.

import type { GateRequest, Route } from '../../src/engine/contract.ts';
import { createGate } from '../../src/engine/gate.ts';
import { Prober, type ProberSettings } from '../../src/engine/prober/prober.ts';
import type { Forward, Origin, OriginListener, OriginRequest } from '../../src/ports.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { Dice } from '../sim/dice.ts';
import { Client, requestOf, routeTo } from './clients.ts';
import { SimulatedTime } from './simulated-time.ts';

export interface ProberWorldOptions {
  readonly settings: ProberSettings;
  /** `silent`: it changes and tells nobody. `telling`: it invalidates at once. `random`: no answer of it is like another. */
  readonly origin: 'silent' | 'telling' | 'random';
  readonly seconds: number;
  /** Requests in a second; the second number in each other minute. */
  readonly rates: readonly [number, number];
  /** Mean time between two changes of a URL, and how long its answers are fresh. */
  readonly changeSeconds: number;
  readonly freshSeconds: number;
}

const URLS = 50;
/** Longest way to the origin, and as much back. */
const WAY_MS = 30;
/** A chain of promises takes no time. */
const PROMISE_TURNS = 12;

export class ProberWorld implements Origin {
  readonly time = new SimulatedTime();
  readonly prober: Prober;
  hits = 0;
  outdatedHits = 0;
  readonly #options: ProberWorldOptions;
  readonly #dice: Dice;
  readonly #gate;
  readonly #route: Route;
  readonly #versions = new Uint32Array(URLS);
  readonly #popularity: readonly number[];
  readonly #endMs: number;

  constructor(seed: number, options: ProberWorldOptions) {
    const { time } = this;
    const dice = new Dice(seed);
    const random = () => dice.next();
    this.#dice = dice;
    this.#options = options;
    this.#route = routeTo(this);
    const memory = createMemoryStore({ maxBytes: 64 * 1024 * 1024 });
    let prober: Prober | undefined;
    this.#gate = createGate({
      ...{ clock: time, tasks: time, random, stores: [memory], memoryStats: () => memory.stats(), buckets: 1_024 },
      hits: (context) => {
        const asked = (uri: string): GateRequest => requestOf(this.#route, { path: new URL(uri).pathname });
        const { settings } = options;
        prober = new Prober(context, { settings, requestOf: ({ uri }) => asked(uri), found: () => {} });
        return prober;
      },
    });
    this.prober = prober as unknown as Prober;
    const ranks = Array.from({ length: URLS }, (_, at) => 1 / (at + 1));
    this.#popularity = ranks.map((_, at) => ranks.slice(0, at + 1).reduce((sum, one) => sum + one, 0));
    this.#endMs = time.now() + options.seconds * 1_000;
  }

  /** Part of the hits that were outdated. */
  get truth(): number {
    return this.outdatedHits / this.hits;
  }

  async run(): Promise<this> {
    this.#arrive();
    if (this.#options.origin !== 'random') this.#changeLater();
    while (this.time.now() < this.#endMs && this.time.step()) {
      for (let turn = 0; turn < PROMISE_TURNS; turn++) await undefined;
    }
    return this;
  }

  forward({ target }: OriginRequest, listener: OriginListener): Forward {
    const way = () => this.#dice.next() * WAY_MS;
    this.time.later(way(), () => {
      const version = this.#options.origin === 'random' ? this.#dice.next() : this.#versions[Number(target.slice(1))];
      const fields = ['cache-control', `max-age=${this.#options.freshSeconds}`, 'content-type', 'text/plain'];
      this.time.later(way(), () => {
        listener.head({ status: 200, fields }, true);
        listener.data(Buffer.from(`version ${version}`));
        listener.end([]);
      });
    });
    return { pause: () => {}, resume: () => {}, abort: () => {} };
  }

  #arrive(): void {
    const minute = Math.floor(this.time.now() / 60_000) % 2;
    this.#later(1 / (this.#options.rates[minute] as number), () => {
      this.#ask();
      this.#arrive();
    });
  }

  #changeLater(): void {
    this.#later(this.#options.changeSeconds / URLS, () => {
      const at = this.#dice.below(URLS);
      this.#versions[at]!++;
      if (this.#options.origin === 'telling') {
        void this.#gate.invalidate({ kind: 'url', uri: requestOf(this.#route, { path: `/${at}` }).uri });
      }
      this.#changeLater();
    });
  }

  /** After a time with this mean, which has no memory. */
  #later(meanSeconds: number, work: () => void): void {
    this.time.later(-Math.log1p(-this.#dice.next()) * meanSeconds * 1_000, work);
  }

  #ask(): void {
    const drawn = this.#dice.next() * (this.#popularity.at(-1) as number);
    const at = this.#popularity.findIndex((sum) => sum > drawn);
    const client = Client.ask(this.#gate, this.#route, { path: `/${at}` });
    if (client.outcome?.hit !== true) return;
    this.hits++;
    const isOutdated = this.#options.origin !== 'random' && client.text !== `version ${this.#versions[at]}`;
    if (isOutdated) this.outdatedHits++;
  }
}
