// What the prober counts, and what follows from it: the share of served hits that were outdated as they were served.
//
// A hit that was sampled with the chance p stands for 1/p hits, so that the share is one of all hits although the chance falls
// under load (Horvitz and Thompson, JASA 47, 1952). Weights that differ make the samples worth less than their number: as many
// as Kish's effective size (Survey Sampling, 1965).

import { type Interval, shareInterval } from './interval.ts';

/** What became of a sampled hit. */
const PROBE_VERDICTS = [
  /** The origin gave what had been served. */
  'same',
  /** The origin had something else, and had it before the hit. */
  'outdated',
  /** The gate was told of the change while it asked, or the origin did not answer a second time: the order is not known. */
  'undecided',
  /** The origin's answers differ from one to the next. */
  'unstable',
  /** The origin did not answer, or with an error of the moment. */
  'failed',
  /** It may not be asked for: a credential, a personal answer, a part, a large body. */
  'ineligible',
  /** No ask was left. */
  'skipped',
] as const;

export type ProbeVerdict = (typeof PROBE_VERDICTS)[number];

/** Since the start; plain numbers, so that those of several processes can be added up. */
export interface ProberCounts {
  /** Hits that could have been sampled. */
  readonly hits: number;
  /** Requests sent to origins. */
  readonly asks: number;
  readonly verdicts: { readonly [verdict in ProbeVerdict]: number };
  /** Hits that the samples stand for. */
  readonly weights: {
    /** Of the verdicts same, outdated and undecided. */
    readonly judged: number;
    readonly outdated: number;
    readonly undecided: number;
    /** Of `judged`, the squares. */
    readonly squares: number;
  };
}

/** The share of outdated hits among all that could be judged. */
export interface OutdatedShare {
  /** Undefined without samples. */
  readonly rate: number | undefined;
  /** It holds the true share in at least 95 of 100 cases. */
  readonly interval: Interval;
  /** Samples that tell as much if all stood for as many hits. */
  readonly samples: number;
}

export function noCounts(): ProberCounts {
  const verdicts = Object.fromEntries(PROBE_VERDICTS.map((verdict) => [verdict, 0])) as Record<ProbeVerdict, number>;
  return { hits: 0, asks: 0, verdicts, weights: { judged: 0, outdated: 0, undecided: 0, squares: 0 } };
}

export function outdatedShare({ weights }: ProberCounts): OutdatedShare {
  const { judged, outdated, undecided, squares } = weights;
  if (judged <= 0) return { rate: undefined, interval: shareInterval(0, 0), samples: 0 };
  const samples = judged ** 2 / squares;
  const of = (weight: number) => (weight / judged) * samples;
  return { rate: outdated / judged, interval: shareInterval(of(outdated), samples, of(outdated + undecided)), samples };
}
