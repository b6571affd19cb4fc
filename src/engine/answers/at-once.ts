// Hits that need nothing but a look-up: found, decided and answered without an exchange, in one go where the tier that has
// the entry answers at once. A front that can write an answer straight to its client asks here first; for all else it
// calls `handle` with what was found.

import { cacheKey } from '../../entry/key.ts';
import type { Eventually } from '../../ports.ts';
import { requestDemands } from '../../semantics/cache-control.ts';
import { isForOrigin } from '../../semantics/preconditions.ts';
import { decideReuse } from '../../semantics/reuse.ts';
import type { Context } from '../context.ts';
import type { GateRequest, Selection, Unanswered, WholeAnswer } from '../contract.ts';
import { codedOf, select } from '../http/lookup.ts';
import { isAheadOf } from '../http/own-writes.ts';
import { answersRange } from '../http/partial.ts';
import { answerFromStored } from './answers.ts';

/** The answer, counted and reported like any other. */
export function answerAtOnce(context: Context, request: GateRequest): Eventually<WholeAnswer | Unanswered> {
  const { method, fields } = request;
  if (request.bypass || (method !== 'GET' && method !== 'HEAD') || isForOrigin(fields)) return unanswered(undefined);
  if (isAheadOf(context.sources, fields)) return unanswered(undefined);
  const selection = select(context, cacheKey(request.route, 'GET', request.uri), request);
  if (!(selection instanceof Promise)) return answerSelected(context, request, selection) ?? unanswered(selection);
  return selection.then((found) => answerSelected(context, request, found) ?? unanswered(found));
}

function answerSelected(context: Context, request: GateRequest, selection: Selection): WholeAnswer | undefined {
  const { entry } = selection;
  if (entry === undefined || entry.large !== undefined) return undefined;
  const { method, route, fields } = request;
  const now = context.clock.now();
  const outdated = !context.ledger.isCurrent(entry);
  if (decideReuse(requestDemands(fields), entry, { now, outdated }).kind !== 'serve') return undefined;
  if (entry.status === 206 && (method === 'HEAD' || !answersRange(entry, request, route.policy.profile)))
    return undefined;
  const coded = route.compress === undefined ? undefined : codedOf(context, request, { entry, selection });
  const answer = answerFromStored(request, entry, { now, outcome: HIT, random: context.random, coded });
  context.tally.outcome(answer.outcome);
  const status = answer.kind === 'stored' ? entry.status : answer.head.status;
  context.report({ request, outcome: answer.outcome, status, forwardMs: undefined });
  return answer;
}

function unanswered(selection: Selection | undefined): Unanswered {
  return { kind: 'unanswered', selection };
}

const HIT = Object.freeze({ hit: true });
