// The part of the admin API that tells how far the answers of the gate can be believed: `GET /prober` shows what the sample of hits
// says, `POST /prove` proves it for one URL.

import type { GateStats } from '../engine/contract.ts';
import { noCounts, outdatedShare, type ProberCounts } from '../engine/prober/counts.ts';
import type { Outdated } from '../engine/prober/prober.ts';
import type { Proof } from '../engine/prober/prove.ts';
import type { AdminDeps } from './contract.ts';
import { askedIn, noRoute } from './explain.ts';

export interface ProberState extends ProberCounts {
  readonly settings: AdminDeps['prober']['settings'];
  /** Part of the hits that were outdated as they were served; absent without a sample. */
  readonly rate?: number;
  /** Holds the true part in 95 of 100 cases. */
  readonly interval: { readonly low: number; readonly high: number };
  /** What the sample is worth: its size, where all of it stands for as many hits. */
  readonly samples: number;
  /** The newest first. */
  readonly examples: readonly Outdated[];
}

type ProberDeps = Pick<AdminDeps, 'gate' | 'prober'>;

export async function proberState({ gate, prober }: ProberDeps): Promise<ProberState> {
  const { prober: counts = noCounts() }: GateStats = await gate.stats();
  const { rate, interval, samples } = outdatedShare(counts);
  const examples = await prober.examples();
  return { settings: prober.settings, ...(rate !== undefined && { rate }), interval, samples, ...counts, examples };
}

export async function prove({ prober }: ProberDeps, query: URLSearchParams): Promise<Proof> {
  const asked = { ...askedIn(query), method: 'GET' };
  return (await prober.prove(asked)) ?? noRoute(asked.uri);
}
