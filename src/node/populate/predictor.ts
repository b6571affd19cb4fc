// Predictive filling, beside the requests: notes them as they are answered, learns from them some moments later, and has filled what
// is likely asked for next and not stored.
//
// A hit pays for two looks and a push. What a moment can learn from is bounded, so a flood of requests costs no more than that.

import type { ExchangeReport, GateRequest, PopulateResult } from '../../engine/contract.ts';
import type { PopulateItem } from '../../engine/populate/item.ts';
import { clientGroup } from '../../entry/clients.ts';
import type { Clock, Tasks } from '../../ports.ts';
import type { PredictionTerms } from '../../prediction/allowance.ts';
import { Prediction, type PredictionFigures } from '../../prediction/prediction.ts';
import { shapeOf } from '../../prediction/shape.ts';
import { type Fields, hasField } from '../../semantics/fields.ts';

export interface PredictorParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly tasks: Tasks;
  readonly terms: () => PredictionTerms;
  /** Whether the fastest tier holds a fresh response for the URI. */
  readonly isStored: (uri: string) => boolean;
  /** Takes what is to be filled; returns the URIs that nobody can fill. */
  readonly fill: (items: readonly PopulateItem[]) => readonly string[];
}

/** Requests learnt from in so much time: 1,000 a second, at 10 to 20 microseconds each. */
const BATCH = 50;
const BATCH_MS = 50;

export class Predictor {
  readonly #parts: PredictorParts;
  /** Made by the first request that is learnt from: most gates predict nothing. */
  #model: Prediction | undefined;
  #noted: ExchangeReport[] = [];

  constructor(parts: PredictorParts) {
    this.#parts = parts;
  }

  /** A client's request is answered. */
  answered(report: ExchangeReport): void {
    const { request, outcome } = report;
    const terms = this.#parts.terms();
    if (terms.budget === 0 || request.method !== 'GET' || request.bypass) return;
    this.#model ??= new Prediction(terms);
    const model = this.#model;
    if (model.isFilled(request.uri))
      model.asked(request.uri, outcome.hit ? 'hit' : outcome.collapsed ? 'joined' : 'miss');
    if (outcome.forward !== undefined && outcome.collapsed !== true) model.allowance.forwarded();
    if (this.#noted.length === BATCH) return;
    if (this.#noted.push(report) === 1) this.#parts.tasks.later(BATCH_MS, () => this.#learn(model));
  }

  /** A fill is over, whoever wanted it. */
  filled({ uri }: GateRequest, { kind }: PopulateResult): void {
    if (kind === 'fresh') this.#model?.spared(uri);
    else if (kind === 'stored') this.#model?.stored(uri);
    else this.#model?.gone(uri);
  }

  /** Undefined: nothing was ever predicted. */
  figures(): PredictionFigures | undefined {
    return this.#model?.figures();
  }

  #learn(model: Prediction): void {
    const { clock, terms, isStored, fill } = this.#parts;
    const now = clock.now();
    model.allowance.terms = terms();
    const noted = this.#noted;
    this.#noted = [];
    for (const { request, outcome } of noted) {
      const { fields, client } = request;
      const shape = hasCredentials(fields) ? undefined : shapeOf(request.uri);
      if (shape === undefined) continue;
      const isStorable = outcome.hit || outcome.stored === true;
      const from = { client: client === undefined ? '' : clientGroup(client), now, isStorable, isStored };
      const wanted = model.observe(shape, from);
      if (wanted.length === 0) continue;
      const carried = carriedFields(fields);
      for (const uri of fill(wanted.map((uri) => ({ uri, fields: carried })))) model.gone(uri);
    }
  }
}

function hasCredentials(fields: Fields): boolean {
  return hasField(fields, 'cookie') || hasField(fields, 'authorization');
}

/** Fields by which the client's next request selects a variant, too. */
const CARRIED: ReadonlySet<string> = new Set(['accept-encoding', 'accept-language']);

function carriedFields(fields: Fields): Fields {
  return fields.flatMap((name, at) => (at % 2 === 0 && CARRIED.has(name) ? [name, fields[at + 1] as string] : []));
}
