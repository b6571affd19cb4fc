// Learns from the order of requests which are asked for soon after which: of each URI the URIs that followed it, and of each template
// how the URIs that followed came from its own.
//
// The requests of one client are a sequence; where nobody knows who the clients are, those of all are one.

import { RecentMap } from '../memory/recent-map.ts';
import { FollowTable } from './follow-table.ts';
import { derivationOf, derived, type Shape } from './shape.ts';

/** How it is known that a URI may be asked for soon. */
export type Evidence = 'successor' | 'template' | 'hour';

/** A URI that may be asked for soon; `share`: of the times in which that was to be expected, how often it was. */
export interface Candidate {
  readonly uri: string;
  readonly evidence: Evidence;
  /** Candidates of one group come true equally often, as far as one can tell. */
  readonly group: string;
  readonly share: number;
  /** Not soon, but before this instant. */
  readonly untilMs?: number;
}

export interface SequenceBounds {
  /** URIs whose successors are remembered. */
  readonly uris: number;
  readonly templates: number;
  /** Clients whose last requests are remembered. */
  readonly clients: number;
  /** So many requests back, one counts as having led to a later one. */
  readonly lag: number;
  /** Remembered of each URI, and of each template. 0: none. */
  readonly followers: number;
  readonly templateFollowers: number;
}

export const SEQUENCE_BOUNDS: SequenceBounds = {
  ...{ uris: 8_192, templates: 512, clients: 1_024, lag: 4 },
  ...{ followers: 4, templateFollowers: 16 },
};

export class SequenceModel {
  readonly #successors: FollowTable;
  readonly #rules: FollowTable;
  /** The last requests of each client, the newest last. */
  readonly #latest: RecentMap<Shape[]>;
  readonly #lag: number;

  constructor({ uris, templates, clients, lag, followers, templateFollowers }: SequenceBounds) {
    this.#successors = new FollowTable(uris, followers);
    this.#rules = new FollowTable(templates, templateFollowers);
    this.#latest = new RecentMap(clients);
    this.#lag = lag;
  }

  /** `isStorable` false: nobody wants it ahead, but it may lead to others. Calls `take` with what may be asked for soon. */
  observe(
    shape: Shape,
    from: { readonly client: string; readonly isStorable: boolean },
    take: (candidate: Candidate) => void,
  ): void {
    const latest = this.#latest.get(from.client) ?? [];
    if (from.isStorable) this.#learn(shape, latest);
    latest.push(shape);
    if (latest.length > this.#lag) latest.shift();
    this.#latest.set(from.client, latest);
    this.#successors.came(shape.uri);
    this.#rules.came(shape.template);
    const { template } = shape;
    this.#successors.each(shape.uri, (uri, share) => take({ uri, evidence: 'successor', group: template, share }));
    this.#rules.each(template, (derivation, share) => {
      const uri = derived(derivation, shape);
      const group = `${template} ${derivation}`;
      if (uri !== undefined && uri !== shape.uri) take({ uri, evidence: 'template', group, share });
    });
  }

  #learn(shape: Shape, latest: readonly Shape[]): void {
    for (const before of latest.toReversed()) {
      // What came before its last time has led to that one.
      if (before.uri === shape.uri) return;
      this.#successors.followed(before.uri, shape.uri);
      this.#rules.followed(before.template, derivationOf(before, shape) as string);
    }
  }
}
