// Proves for one URL whether what the gate serves for it is outdated.
//
// The origin answers with something else, twice alike; and a look-up that begins after these answers still finds what was stored
// before. So a hit that begins then is outdated for certain: no estimate is needed, as it is for hits that are over.

import { cacheKey } from '../../entry/key.ts';
import { bodyBytesOf, type StoredResponse } from '../../entry/stored-response.ts';
import { requestDemands } from '../../semantics/cache-control.ts';
import { currentAgeMs, decideReuse } from '../../semantics/reuse.ts';
import type { Context } from '../context.ts';
import type { GateRequest } from '../contract.ts';
import { passReason, select } from '../http/lookup.ts';
import { askOrigin, contentOf, differsAt, isSame } from './asking.ts';
import { isComparable } from './prober.ts';

export interface Proof {
  readonly verdict: 'fresh' | 'same' | 'outdated' | 'unstable' | 'undecided' | 'failed';
  readonly reason: string;
  /** What a hit gets; absent: the request is none. */
  readonly stored?: Shown & { readonly ageMs: number };
  /** The origin's answers, in their order. */
  readonly origin: readonly Shown[];
  /** The first byte of the bodies that differs; absent where they do not, or what differs is in the heads. */
  readonly differsAt?: number;
}

interface Shown {
  readonly status: number;
  readonly bodyBytes: number;
}

export async function proveOne(context: Context, request: GateRequest): Promise<Proof> {
  const entry = await servedNow(context, request);
  if (entry === undefined) {
    return { verdict: 'fresh', reason: 'No stored response answers the request: the origin is asked.', origin: [] };
  }
  const ageMs = currentAgeMs(entry.bornMs, context.clock.now());
  const stored = { status: entry.status, bodyBytes: bodyBytesOf(entry), ageMs };
  const origin: Shown[] = [];
  const proof = (verdict: Proof['verdict'], reason: string) => ({ verdict, reason, stored, origin });
  if (!isComparable(entry)) return proof('failed', 'What is stored is a part, or larger than is compared.');
  const served = contentOf(entry);
  const ask = async () => {
    const answer = await askOrigin(request, context.clock);
    if (answer !== undefined) origin.push({ status: answer.status, bodyBytes: answer.body.length });
    return answer;
  };
  const first = await ask();
  if (first === undefined) return proof('failed', NO_ANSWER);
  if (isSame(served, first)) return proof('same', 'The origin gives what is stored.');
  const second = await ask();
  if (second === undefined) return proof('failed', NO_ANSWER);
  if (isSame(served, second) || !isSame(first, second)) return proof('unstable', VARIES);
  const still = await servedNow(context, request);
  if (still === undefined || still.stamp !== entry.stamp || still.bornMs !== entry.bornMs) {
    return proof('undecided', 'The entry was invalidated or filled again while the origin was asked: prove it again.');
  }
  const at = differsAt(served.body, first.body);
  return { ...proof('outdated', OUTDATED), ...(at !== undefined && { differsAt: at }) };
}

const NO_ANSWER = 'The origin did not answer, or with an error of the moment or more than is compared.';
const VARIES = "The origin's answers differ from one to the next, so nothing can be said of what is stored.";
const OUTDATED = 'The origin gives something else, twice alike, and after that the gate still serves what is stored.';

/** What would be served as a hit, now. */
async function servedNow(context: Context, request: GateRequest): Promise<StoredResponse | undefined> {
  if (passReason(context, request) !== undefined) return undefined;
  const { entry } = await select(context, cacheKey(request.route, 'GET', request.uri), request);
  if (entry === undefined) return undefined;
  const outdated = !context.ledger.isCurrent(entry);
  const { kind } = decideReuse(requestDemands(request.fields), entry, { now: context.clock.now(), outdated });
  return kind === 'serve' || kind === 'serve-and-validate' ? entry : undefined;
}
