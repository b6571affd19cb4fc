// Which stored response a request selects (RFC 9111 §4, §4.1), and when it may be served by that alone: at once, where it is
// a hit, and in place of a failing origin (RFC 5861 §4, RFC 9111 §4.2.4).
//
// A front that can write an answer straight to its client asks for hits here first, and is answered in one go where the tier
// that has the entry answers at once. For all else it calls `handle` with what was found.

import { cacheKey } from '../../entry/key.ts';
import { decodeHead, type Entry, type StoredResponse, type VariantList } from '../../entry/stored-response.ts';
import type { Eventually } from '../../ports.ts';
import { type RequestDemands, requestDemands } from '../../semantics/cache-control.ts';
import { fieldValue } from '../../semantics/fields.ts';
import { mayServe } from '../../semantics/freshness.ts';
import type { ForwardReason } from '../../semantics/outcome.ts';
import { decideReuse, isForOrigin } from '../../semantics/reuse.ts';
import { languageSelects } from '../../semantics/vary.ts';
import { answerFromStored } from '../answers/answers.ts';
import type { Context } from '../context.ts';
import type { GateRequest, Selection, Unanswered, WholeAnswer } from '../contract.ts';
import { requestVariantKey } from './draft.ts';
import { answersRange } from './partial.ts';

/** The entry in the content coding that the request prefers; undefined: as it is, until the other has been made. */
export function codedOf(
  { coder }: Context,
  request: GateRequest,
  of: { readonly entry: StoredResponse; readonly selection: Selection | undefined },
): StoredResponse | undefined {
  return request.route.compress === undefined ? undefined : coder?.codedOf(request, of);
}

/** Finds what is stored for the request; at once as long as the tiers answer at once. */
export function select(context: Context, key: string, request: GateRequest): Eventually<Selection> {
  const found = context.tiers.get(key);
  if (found instanceof Promise) return found.then((entry) => selectVariant(context, { key, found: entry }, request));
  return selectVariant(context, { key, found }, request);
}

function selectVariant(
  context: Context,
  { key, found }: { key: string; found: Entry | undefined },
  request: GateRequest,
): Eventually<Selection> {
  if (found === undefined) return { key, entry: undefined, miss: 'uri-miss' };
  if (found.kind === 'response') return inCoding(context, { key, entry: found, miss: undefined }, request);
  const variantKey = requestVariantKey(key, found.names, request);
  const variant = context.tiers.get(variantKey);
  if (variant instanceof Promise) {
    return variant.then((entry) => {
      if (entry !== undefined) context.tiers.variants.use(found, variantKey);
      return inCoding(context, variantSelection(variantKey, entry), request);
    });
  }
  if (variant !== undefined) context.tiers.variants.use(found, variantKey);
  const entry = variant ?? inPreferredLanguage(context, { list: found, variantKey }, request);
  return inCoding(context, variantSelection(variantKey, entry), request);
}

/** The selection, with the entry in the content coding that the request prefers. */
function inCoding({ coder }: Context, selection: Selection, request: GateRequest): Eventually<Selection> {
  const { entry } = selection;
  if (request.route.compress === undefined || coder === undefined || entry === undefined) return selection;
  return coder.select(selection, entry, request);
}

function variantSelection(key: string, entry: Entry | undefined): Selection {
  return entry?.kind === 'response' ? { key, entry, miss: undefined } : { key, entry: undefined, miss: 'vary-miss' };
}

/**
 * Another variant that is in the very language the request prefers, all else being equal (RFC 9111 §4.1). Looks only
 * where the answer is there at once.
 */
function inPreferredLanguage(
  { tiers }: Context,
  wanted: { readonly list: VariantList; readonly variantKey: string },
  request: GateRequest,
): Entry | undefined {
  const { list, variantKey } = wanted;
  if (request.route.policy.normaliseVary !== 'language-preference' || !list.names.includes(LANGUAGE)) return undefined;
  const preferred = fieldValue(request.fields, LANGUAGE);
  for (const otherKey of list.variantKeys) {
    if (withoutLanguage(otherKey) !== withoutLanguage(variantKey)) continue;
    const other = tiers.get(otherKey);
    if (other === undefined || other instanceof Promise || other.kind !== 'response') continue;
    const language = fieldValue(decodeHead(other.bytes, other.headBytes), 'content-language');
    if (languageSelects(preferred, language)) return other;
  }
  return undefined;
}

const LANGUAGE = 'accept-language';

function withoutLanguage(variantKey: string): string {
  const lines = variantKey.split('\n');
  return lines.filter((line) => line !== LANGUAGE && !line.startsWith(`${LANGUAGE}:`)).join('\n');
}

/** Whether the request may be answered by the entry at all; if not, it passes by. */
export function isFor({ terms }: Pick<StoredResponse, 'terms'>, { fields, route }: AskedOf): boolean {
  return mayServe(terms, fields, route.policy);
}

type AskedOf = Pick<GateRequest, 'fields' | 'route'>;

/** Why a request bypasses the cache, as it came; undefined: it does not. */
export function passReason(
  { positions }: Pick<Context, 'positions'>,
  request: Pick<GateRequest, 'route' | 'method' | 'fields' | 'bypass'>,
): ForwardReason | undefined {
  if (request.bypass || positions.isAhead(request.fields, request.route.owner)) return 'bypass';
  if (isForOrigin(request.fields)) return 'request';
  const { method } = request;
  return method === 'GET' || method === 'HEAD' ? undefined : 'method';
}

/** The answer, counted and reported like any other. */
export function answerAtOnce(context: Context, request: GateRequest): Eventually<WholeAnswer | Unanswered> {
  if (passReason(context, request) !== undefined) return unanswered(undefined);
  const selection = select(context, cacheKey(request.route, 'GET', request.uri), request);
  if (!(selection instanceof Promise)) return answerSelected(context, request, selection) ?? unanswered(selection);
  return selection.then((found) => answerSelected(context, request, found) ?? unanswered(found));
}

function answerSelected(context: Context, request: GateRequest, selection: Selection): WholeAnswer | undefined {
  const { entry } = selection;
  if (entry === undefined || entry.large !== undefined) return undefined;
  const { method, route, fields } = request;
  if (!isFor(entry, request)) return undefined;
  const now = context.clock.now();
  const outdated = !context.ledger.isCurrent(entry);
  if (decideReuse(requestDemands(fields), entry, { now, outdated }).kind !== 'serve') return undefined;
  if (entry.status === 206 && (method === 'HEAD' || !answersRange(entry, request))) return undefined;
  const coded = route.compress === undefined ? undefined : codedOf(context, request, { entry, selection });
  const answer = answerFromStored(request, entry, { now, outcome: HIT, random: context.random, coded });
  context.statistics.foundIn(context.tiers.givenBy(entry));
  context.tally.answered(request, answer);
  context.hits?.served(request, entry);
  return answer;
}

function unanswered(selection: Selection | undefined): Unanswered {
  return { kind: 'unanswered', selection };
}

const HIT = Object.freeze({ hit: true });

/**
 * Under which rule the entry may be served now; undefined: not at all. Judged anew, for time has passed since the origin
 * was asked, and the entry may have been invalidated. `status`: of the error answer, when there was one.
 */
export function fallbackRule(
  context: Context,
  entry: StoredResponse,
  failure: { readonly status: number | undefined; readonly demands: RequestDemands },
): 'stale-if-error' | 'grace' | undefined {
  if (!context.ledger.isCurrent(entry)) return undefined;
  const decision = decideReuse(failure.demands, entry, { now: context.clock.now(), outdated: false });
  if (decision.kind !== 'validate') return undefined;
  if (decision.onError === 'serve-stale-if-error') return 'stale-if-error';
  return decision.onError === 'serve-in-grace' && failure.status === undefined ? 'grace' : undefined;
}
