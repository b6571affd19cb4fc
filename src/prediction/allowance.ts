// How much may be filled ahead: so many further requests to the origin, and only what is likely enough.

import { type Cell, likelihood } from './calibration.ts';

export interface PredictionTerms {
  /** Further origin requests, as a part of those that clients cause. 0: nothing is filled. */
  readonly budget: number;
  /** The part of the filled ones that is to be asked for. */
  readonly leastPrecision: number;
}

/** What is saved up of the budget, in fills, so that a quiet time is not followed by a flood. */
const MOST_CREDIT = 64;
const HIGHEST_THRESHOLD = 0.95;
const STEP_UP = 0.02;
const STEP_DOWN = 0.002;
const STEP_BACK = 0.0002;
/** Of the filled ones, so many count as the latest. */
const LATEST = 32;
/** The threshold rises before the bound is reached. */
const MARGIN = 0.05;

export class Allowance {
  terms: PredictionTerms;
  /** What is at least as likely may be filled. */
  threshold: number;
  /** Fills that are left of the budget. */
  #credit = 0;
  /** The part of the latest filled ones that was asked for. */
  #latest: number;

  constructor(terms: PredictionTerms) {
    this.terms = terms;
    this.threshold = terms.leastPrecision;
    this.#latest = terms.leastPrecision + MARGIN;
  }

  /** A client's request went to the origin. */
  forwarded(): void {
    this.#earn(this.terms.budget);
  }

  /** Whether what these speak for may be filled; it then counts. */
  takes(cells: readonly Cell[]): boolean {
    if (this.#credit < 1 || !cells.some((cell) => likelihood(cell) >= this.threshold)) return false;
    this.#credit--;
    return true;
  }

  /** A fill took the place of a client's request, or cost none. */
  giveBack(): void {
    this.#earn(1);
  }

  /** It is found out of what was filled whether it came true. */
  judged(cameTrue: boolean): void {
    this.#latest += ((cameTrue ? 1 : 0) - this.#latest) / LATEST;
    this.#move(this.#latest < this.terms.leastPrecision + MARGIN ? STEP_UP : -STEP_DOWN);
  }

  /** What was not filled came true: from time to time, what is less likely is tried again. */
  missed(): void {
    this.#move(-STEP_BACK);
  }

  #earn(credit: number): void {
    this.#credit = Math.min(MOST_CREDIT, this.#credit + credit);
  }

  #move(step: number): void {
    this.threshold = Math.min(HIGHEST_THRESHOLD, Math.max(this.terms.leastPrecision, this.threshold + step));
  }
}
