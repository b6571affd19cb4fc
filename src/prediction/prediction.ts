// Says what to fill before anyone asks for it: what is likely asked for soon, is not stored, and fits into the budget.
//
// Each candidate is a trial: it is found out whether it is asked for in time, also where it is not filled. So it is known how
// often candidates like it come true before one costs the origin a request. Likely enough is what lies above a threshold, which
// rises when too few of the filled ones are asked for.

import { Allowance, type PredictionTerms } from './allowance.ts';
import { Calibration, type Cell, judge } from './calibration.ts';
import { HourModel } from './hour-model.ts';
import { Queue } from './queue.ts';
import { type Candidate, SEQUENCE_BOUNDS, type SequenceBounds, SequenceModel } from './sequence-model.ts';
import type { Shape } from './shape.ts';

export interface PredictionBounds extends SequenceBounds {
  /** A candidate is to be asked for within so many requests, or within so many milliseconds, whichever is longer. */
  readonly withinRequests: number;
  readonly withinMs: number;
  /** Trials under way at once; beyond, nothing is tried. */
  readonly trials: number;
  /** Filled ones of which it is not known yet whether they are asked for. */
  readonly filled: number;
}

export const PREDICTION_BOUNDS: PredictionBounds = {
  ...SEQUENCE_BOUNDS,
  withinRequests: 256,
  withinMs: 30_000,
  trials: 4_096,
  filled: 4_096,
};

/** Where a request stands. `now` in ms since the Unix epoch. */
export interface Observed {
  readonly client: string;
  readonly now: number;
  /** False: its answer may not be stored, so it is not filled ahead. */
  readonly isStorable: boolean;
  readonly isStored: (uri: string) => boolean;
}

export interface PredictionFigures {
  /** Requests learnt from. */
  readonly observed: number;
  /** Given to be filled. */
  readonly predicted: number;
  /** Of them stored already when their turn came: the origin was not asked. */
  readonly spared: number;
  /** Of them asked for in time: a hit that would have been a miss. */
  readonly hits: number;
  /** Asked for while the fill was under way: the client waited, but for less time. */
  readonly joined: number;
  /** Not asked for before they were evicted, had expired or were invalidated, or for an hour; or not stored. */
  readonly unused: number;
  /** Given to be filled, and none of these yet. */
  readonly open: number;
  /** Of those that are not open, the part that was asked for; null: there are none yet. */
  readonly precision: number | null;
  /** What is at least as likely is filled. */
  readonly threshold: number;
}

/** From what is known of those that are not open. */
export function withPrecision(figures: Omit<PredictionFigures, 'precision'>): PredictionFigures {
  const { hits, joined, unused } = figures;
  const known = hits + joined + unused;
  return { ...figures, precision: known === 0 ? null : (hits + joined) / known };
}

/** Someone is to ask for the URI in time. */
interface Trial {
  readonly uri: string;
  /** What speaks for it. */
  readonly cells: readonly Cell[];
  readonly untilRequest: number;
  readonly untilMs: number;
  readonly isFilled: boolean;
  isStored: boolean;
  /** A client's request went to the origin before the fill was over. */
  isLate: boolean;
  /** Whether it has been found out. */
  isOver: boolean;
}

const FORGOTTEN_MS = 3_600_000;

export class Prediction {
  readonly #bounds: PredictionBounds;
  readonly #sequences: SequenceModel;
  readonly #hours = new HourModel();
  readonly #calibration = new Calibration();
  readonly #trials = new Map<string, Trial>();
  /** Trials in the order in which their time ends. */
  readonly #soon = new Queue<Trial>();
  readonly #later = new Queue<Trial>();
  /** Filled, and not yet asked for. */
  readonly #filled = new Map<string, Trial>();
  readonly #filledInOrder = new Queue<Trial>();
  readonly #counts = { observed: 0, predicted: 0, spared: 0, hits: 0, joined: 0, unused: 0 };
  readonly allowance: Allowance;

  constructor(terms: PredictionTerms, bounds: PredictionBounds = PREDICTION_BOUNDS) {
    this.allowance = new Allowance(terms);
    this.#bounds = bounds;
    this.#sequences = new SequenceModel(bounds);
  }

  /** True: `asked` wants to hear of the next request for it. */
  isFilled(uri: string): boolean {
    return this.#filled.has(uri);
  }

  /** A client has asked for what was filled ahead. `joined`: its fill was under way. */
  asked(uri: string, how: 'hit' | 'joined' | 'miss'): void {
    const trial = this.#filled.get(uri);
    if (trial === undefined) return;
    if (how === 'miss') {
      // Both may yet be one request to the origin.
      if (!trial.isStored) trial.isLate = true;
      return trial.isStored ? this.#wasted(trial) : undefined;
    }
    this.#end(trial, true);
    this.#counts[how === 'hit' ? 'hits' : 'joined']++;
    // It took the place of the client's own.
    this.allowance.giveBack();
  }

  /** Its fill has stored it. */
  stored(uri: string): void {
    const trial = this.#filled.get(uri);
    if (trial === undefined) return;
    trial.isStored = true;
    if (trial.isLate) this.#wasted(trial);
  }

  /** It was not stored, or left the cache before anyone asked for it. */
  gone(uri: string): void {
    const trial = this.#filled.get(uri);
    if (trial !== undefined) this.#wasted(trial);
  }

  /** It was stored already: the origin was not asked. */
  spared(uri: string): void {
    const trial = this.#filled.get(uri);
    if (trial === undefined) return;
    trial.isOver = true;
    this.#trials.delete(uri);
    this.#filled.delete(uri);
    this.#counts.spared++;
    this.allowance.giveBack();
  }

  /** Learns from a request; returns the URIs that are to be filled now. */
  observe(shape: Shape, from: Observed): string[] {
    this.#counts.observed++;
    this.#pass(from.now);
    const trial = this.#trials.get(shape.uri);
    if (trial !== undefined && !trial.isFilled) this.#judge(trial, true);
    const candidates = new Map<string, Candidate[]>();
    const take = (candidate: Candidate) => {
      const known = candidates.get(candidate.uri);
      if (known === undefined) candidates.set(candidate.uri, [candidate]);
      else known.push(candidate);
    };
    this.#sequences.observe(shape, from, take);
    if (from.isStorable) this.#hours.observe(shape.uri, from.now);
    const popular = this.#hours.due();
    if (popular !== undefined) take(popular);
    const wanted: string[] = [];
    for (const [uri, evidence] of candidates) if (this.#try(uri, evidence, from)) wanted.push(uri);
    return wanted;
  }

  figures(): PredictionFigures {
    return withPrecision({ ...this.#counts, open: this.#filled.size, threshold: this.allowance.threshold });
  }

  /** Begins a trial of the URI; returns whether to fill it. */
  #try(uri: string, evidence: readonly Candidate[], { now, isStored }: Observed): boolean {
    const { trials, filled, withinRequests, withinMs } = this.#bounds;
    if (this.#soon.length >= trials || this.#later.length >= trials) return false;
    if (this.#trials.has(uri) || this.#filled.has(uri) || isStored(uri)) return false;
    const cells = evidence.map((one) => this.#calibration.cellOf(one));
    const isFilled = this.#filled.size < filled && this.allowance.takes(cells);
    const [{ untilMs: later = 0 } = {}] = evidence;
    const untilMs = Math.max(later, now + withinMs);
    const trial: Trial = {
      ...{ uri, cells, isFilled, isStored: false, isLate: false, isOver: false },
      ...{ untilRequest: this.#counts.observed + withinRequests, untilMs },
    };
    this.#trials.set(uri, trial);
    (later > 0 ? this.#later : this.#soon).push(trial);
    if (!isFilled) return false;
    this.#counts.predicted++;
    this.#filled.set(uri, trial);
    this.#filledInOrder.push(trial);
    return true;
  }

  /** Ends trials whose time is over, and forgets what was filled long ago. */
  #pass(now: number): void {
    const { observed } = this.#counts;
    for (const queue of [this.#soon, this.#later]) {
      for (let trial = queue.first; trial !== undefined; trial = queue.first) {
        if (!trial.isOver && (observed <= trial.untilRequest || now < trial.untilMs)) break;
        queue.shift();
        if (!trial.isOver) this.#judge(trial, false);
      }
    }
    for (let trial = this.#filledInOrder.first; trial !== undefined; trial = this.#filledInOrder.first) {
      const isOpen = this.#filled.get(trial.uri) === trial;
      const isRecent = now < trial.untilMs + FORGOTTEN_MS && this.#filledInOrder.length < 2 * this.#bounds.filled;
      if (isOpen && isRecent) break;
      this.#filledInOrder.shift();
      if (isOpen) this.#wasted(trial);
    }
  }

  #judge(trial: Trial, cameTrue: boolean): void {
    trial.isOver = true;
    this.#trials.delete(trial.uri);
    for (const cell of trial.cells) judge(cell, cameTrue);
    if (trial.isFilled) this.allowance.judged(cameTrue);
    else if (cameTrue) this.allowance.missed();
  }

  #wasted(trial: Trial): void {
    this.#end(trial, false);
    this.#counts.unused++;
  }

  #end(trial: Trial, cameTrue: boolean): void {
    this.#filled.delete(trial.uri);
    if (!trial.isOver) this.#judge(trial, cameTrue);
  }
}
