// Replays a trace with prediction: the model learns from each request as it comes, and what it predicts is filled from then on.
// The memory tier's own policy makes room. Nothing is known ahead: there is one pass over the requests, and no other.

import { PREDICTION_BOUNDS, Prediction, type PredictionBounds } from '../src/prediction/prediction.ts';
import { shapeOf } from '../src/prediction/shape.ts';
import { type OurPolicy, ours } from './policies/ours.ts';
import type { Setup } from './policy-replay.ts';

export interface Predictor {
  readonly budget: number;
  /** Requests that pass before a fill is stored: it takes the origin's time. */
  readonly delay: number;
  readonly bounds?: Partial<PredictionBounds>;
}

export interface WarmResult {
  readonly hitRatio: number;
  /** Requests of clients that went to the origin, and what was filled ahead. */
  readonly misses: number;
  readonly filled: number;
  /** Of the filled ones: asked for before they were evicted; asked for while they were on their way; neither. */
  readonly hits: number;
  readonly joined: number;
  readonly unused: number;
  /** Microseconds of the whole replay for each request. */
  readonly microseconds: number;
}

/** A trace as requests for URIs: type and id and index of an object's key become template and parameters. */
export function urisOf({ trace }: Setup): string[] {
  return trace.keys.map((key) => {
    const bits = Number(key) >>> 0;
    const type = String.fromCharCode(97 + ((bits >>> 27) & 15)) + (bits >>> 31 === 1 ? 'x' : '');
    return `http://t/${type}/${(bits >>> 9) & 0x3_ffff}/${bits & 0x1ff}`;
  });
}

export function replayWarm(setup: Setup, uris: readonly string[], predictor: Predictor): WarmResult {
  const { budget, delay, bounds } = predictor;
  const model = new Prediction({ budget, leastPrecision: 0.5 }, { ...PREDICTION_BOUNDS, withinMs: 0, ...bounds });
  const policy = ours(setup, (id) => model.gone(uris[id]!));
  const fills = new Fills({ delay, policy, model, uris });
  const shapes = uris.map((uri) => shapeOf(uri)!);
  const isStored = (uri: string) => fills.isStored(uri);
  const from = { client: '', now: 0, isStorable: true, isStored };
  let misses = 0;
  const begunAt = performance.now();
  for (const [at, id] of setup.ids.entries()) {
    fills.arrive(at);
    const uri = uris[id]!;
    const isAwaited = fills.isAwaited(id);
    const isHit = policy.access(id);
    if (!isHit && !isAwaited) {
      misses++;
      model.allowance.forwarded();
    }
    if (model.isFilled(uri)) model.asked(uri, isAwaited ? 'joined' : isHit ? 'hit' : 'miss');
    if (budget === 0) continue;
    for (const wanted of model.observe(shapes[id]!, from)) fills.begin(wanted, at);
  }
  const requests = setup.ids.length;
  const microseconds = (1000 * (performance.now() - begunAt)) / requests;
  const { predicted: filled, hits, joined, unused, open } = model.figures();
  const hitRatio = 1 - (misses + joined) / requests;
  return { hitRatio, misses, filled, hits, joined, unused: unused + open, microseconds };
}

interface FillParts {
  readonly delay: number;
  readonly policy: OurPolicy;
  readonly model: Prediction;
  readonly uris: readonly string[];
}

/** What is filled ahead, some of it still on its way. */
class Fills {
  readonly #parts: FillParts;
  readonly #idOf: ReadonlyMap<string, number>;
  readonly #onTheirWay: { readonly id: number; readonly at: number }[] = [];
  readonly #awaited = new Set<number>();
  #arrived = 0;

  constructor(parts: FillParts) {
    this.#parts = parts;
    this.#idOf = new Map(parts.uris.map((uri, id) => [uri, id]));
  }

  isStored(uri: string): boolean {
    const id = this.#idOf.get(uri);
    return id !== undefined && this.#parts.policy.has(id);
  }

  begin(uri: string, at: number): void {
    const { delay, model } = this.#parts;
    const id = this.#idOf.get(uri);
    // The trace names no such object, so the origin has none as far as one can tell: it was asked in vain.
    if (id === undefined) return model.gone(uri);
    if (delay === 0) return this.#store(id);
    this.#awaited.add(id);
    this.#onTheirWay.push({ id, at: at + delay });
  }

  arrive(at: number): void {
    for (let next = this.#onTheirWay[this.#arrived]; next !== undefined && next.at <= at; ) {
      if (this.#awaited.delete(next.id)) this.#store(next.id);
      next = this.#onTheirWay[++this.#arrived];
    }
  }

  /** A client asks for it while it is on its way, and is given it when it is there. */
  isAwaited(id: number): boolean {
    return this.#awaited.delete(id);
  }

  #store(id: number): void {
    const { policy, model, uris } = this.#parts;
    policy.take(id);
    model.stored(uris[id]!);
  }
}
