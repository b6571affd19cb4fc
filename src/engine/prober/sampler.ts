// Chooses hits at random, each with the same chance. A hit that is not chosen costs one subtraction: the number of hits to leave out
// is drawn at once (it is geometric), and since that has no memory, it may be drawn anew with another chance at any time.
//
// The chance falls so that no more hits are chosen than are to be asked about. It follows the hits of earlier seconds and never those
// that are judged, so what is found does not change what is chosen. Bursts go beyond it: a bucket bounds what is asked about for good.

import type { Random } from '../../ports.ts';

export interface SamplingLimits {
  /** Part of the hits, above 0 and at most 1. */
  readonly share: number;
  /** Hits that are asked about in a second, on the average. */
  readonly ratePerSecond: number;
}

/** How many may be asked about at once after a quiet time: those of so many seconds. */
const BURST_SECONDS = 10;
/** How much of the busiest second so far still counts a second later. */
const DECAY = 0.8;

export class Sampler {
  readonly #limits: SamplingLimits;
  readonly #random: Random;
  #chance: number;
  /** Hits up to the next one that is chosen. */
  #left = 0;
  #drawn = 0;
  /** Hits before those of `#drawn`. */
  #counted = 0;
  #lastHits = 0;
  #busiest = 0;
  #room: number;

  constructor(limits: SamplingLimits, random: Random) {
    this.#limits = limits;
    this.#random = random;
    this.#chance = limits.share;
    this.#room = this.#mostRoom;
    this.#draw();
  }

  /** Hits so far. */
  get hits(): number {
    return this.#counted + this.#drawn - this.#left;
  }

  /** A hit is served. How many hits it stands for; 0: it is not chosen. */
  next(): number {
    if (--this.#left > 0) return 0;
    const weight = 1 / this.#chance;
    this.#draw();
    return weight;
  }

  /**
   * Takes a chosen hit; false: there were too many. Further asks about one are not counted here, or outdated answers would keep
   * others from being found.
   */
  take(): boolean {
    if (this.#room < 1) return false;
    this.#room--;
    return true;
  }

  /** To be called once a second. */
  secondOver(): void {
    const { share, ratePerSecond } = this.#limits;
    this.#room = Math.min(this.#mostRoom, this.#room + ratePerSecond);
    const { hits } = this;
    this.#busiest = Math.max(hits - this.#lastHits, this.#busiest * DECAY);
    this.#lastHits = hits;
    this.#chance = Math.min(share, ratePerSecond / Math.max(this.#busiest, ratePerSecond));
    this.#draw();
  }

  get #mostRoom(): number {
    return Math.max(1, this.#limits.ratePerSecond * BURST_SECONDS);
  }

  #draw(): void {
    this.#counted += this.#drawn - this.#left;
    const left = this.#chance >= 1 ? 1 : 1 + Math.floor(Math.log1p(-this.#random()) / Math.log1p(-this.#chance));
    this.#drawn = left;
    this.#left = left;
  }
}
