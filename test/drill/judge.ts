// The judge of one answer. What was promised, with the lease L and the bound of the lag M that the drill sets:
// - What a hit shows was true at some moment not earlier than L + L / 3 + M before the request: a commit that the feed has
//   not told is at most M old when the tracker looks, it looks each third of a lease, and what it sends then is good for
//   one lease from the gate's last answer.
// - What is not from the cache was true at some moment of the request; so was anything while the gate's own `/sources`
//   shows that it does not hear of the source. Then there are no hits at all.
// - After the answer to a write through the gate, but for one with `Tidegate-Settled: no`, nothing from before its commit
//   is shown to anyone. With PostgreSQL that is not said of the schema, which is looked at once a heartbeat.

import type { Truth } from './truth.ts';

export type Fault =
  | 'outdated beyond the stated lag'
  | 'outdated while the gate does not know'
  | 'hit while the gate does not know'
  | 'outdated, and not from the cache'
  | 'outdated after an acknowledged write'
  | 'never true'
  | 'not recovered'
  | 'unexpected';

export interface Answer {
  readonly url: string;
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly from: 'cache' | 'collapsed' | 'origin' | 'application';
  /** The gate said, before the request and after the answer, that it does not hear of the source. */
  readonly isUnknown: boolean;
}

export interface Promised {
  readonly leaseMs: number;
  readonly maxLagMs: number;
  readonly isSchemaSettled: boolean;
}

export function statedLagMs({ leaseMs, maxLagMs }: Promised): number {
  return leaseMs + leaseMs / 3 + maxLagMs;
}

export interface Verdict {
  /** How long before the request it had ceased to be true; 0: not. */
  readonly lagMs: number;
  readonly faults: readonly { readonly fault: Fault; readonly sentence: string }[];
}

export function judge(answer: Answer, truth: Truth, promised: Promised): Verdict {
  const { url, text, startMs, endMs, from, isUnknown } = answer;
  const matched = truth.match(url, text, truth.possibleAt(endMs));
  const told = `${url} from ${from === 'cache' ? 'the cache' : `the ${from}`}`;
  if (matched === undefined) {
    return { lagMs: 0, faults: [{ fault: 'never true', sentence: `${told}: ${text.slice(0, 200)}` }] };
  }
  const faults: { fault: Fault; sentence: string }[] = [];
  const { replacedBy } = matched;
  const isOutdated = replacedBy !== undefined && replacedBy <= truth.certainAt(startMs);
  const lagMs = isOutdated ? startMs - truth.certainMs(replacedBy) : 0;
  const sentence = `${told}, outdated for ${lagMs.toFixed(0)} ms since commit ${replacedBy}`;
  if (isUnknown && from === 'cache') faults.push({ fault: 'hit while the gate does not know', sentence: told });
  if (!isOutdated) return { lagMs, faults };
  if (from === 'origin' || from === 'application') faults.push({ fault: 'outdated, and not from the cache', sentence });
  if (isUnknown) faults.push({ fault: 'outdated while the gate does not know', sentence });
  if (lagMs > statedLagMs(promised)) faults.push({ fault: 'outdated beyond the stated lag', sentence });
  const isSettled = promised.isSchemaSettled || !truth.isSchema(replacedBy);
  if (isSettled && replacedBy <= truth.acknowledgedAt(startMs)) {
    faults.push({ fault: 'outdated after an acknowledged write', sentence });
  }
  return { lagMs, faults };
}
