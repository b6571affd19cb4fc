// Entries as an operator sees them: listed by page, and explained.

import { cacheKey, codingOf, keyParts, sourceOf, subjectOf } from '../entry/key.ts';
import { decodeHead, type EntryNote, noteOf, type StoredResponse } from '../entry/stored-response.ts';
import { requestDemands } from '../semantics/cache-control.ts';
import { fieldValue } from '../semantics/fields.ts';
import { isSafeMethod } from '../semantics/invalidation.ts';
import type { ForwardReason } from '../semantics/outcome.ts';
import { currentAgeMs, decideReuse, REUSE_REASONS } from '../semantics/reuse.ts';
import type { Context } from './context.ts';
import type { EntrySummary, Explanation, GateRequest, InvalidationResult, ListPage, ListQuery } from './contract.ts';
import { refusalText } from './http/draft.ts';
import { isFor, passReason, select } from './http/lookup.ts';
import type { Refused } from './tally.ts';

function summaryOf(context: Context, entry: EntryNote): EntrySummary {
  const { uri, origin, method } = keyParts(entry.key);
  const ageMs = currentAgeMs(entry.bornMs, context.clock.now());
  const coding = codingOf(entry.key);
  return {
    key: entry.key,
    uri,
    origin,
    method,
    status: entry.status,
    bodyBytes: entry.bodyBytes,
    ageMs,
    ttlMs: entry.lifetimeMs - ageMs,
    tags: entry.tags,
    stamp: entry.stamp,
    outdated: context.ledger.isAffectedSince({ epoch: entry.epoch, position: entry.stamp }, subjectOf(entry)),
    ...(coding !== undefined && { coding }),
  };
}

const DEFAULT_LIMIT = 100;

/** Stored responses in the order of their keys. Walks all that match: for operators, not for the hit path. */
export async function listEntries(context: Context, query: ListQuery): Promise<ListPage> {
  const { prefix, tag, tier, after, limit = DEFAULT_LIMIT } = query;
  const named =
    tag !== undefined ? ({ kind: 'tag', tag } as const) : ({ kind: 'prefix', prefix: prefix ?? '' } as const);
  const found = await context.tiers.find(query.selector ?? named, tier);
  const matching = found
    .filter((entry) => prefix === undefined || keyParts(entry.key).uri.startsWith(prefix))
    .filter((entry) => after === undefined || entry.key > after)
    .sort((one, other) => (one.key < other.key ? -1 : 1));
  const entries = matching.slice(0, limit).map((entry) => summaryOf(context, entry));
  const last = entries.at(-1);
  return matching.length > limit && last !== undefined ? { entries, next: last.key } : { entries };
}

/** Why a request would, or would not, be answered from the cache right now. */
export async function explainRequest(
  context: Context,
  request: Pick<GateRequest, 'route' | 'method' | 'uri' | 'fields' | 'bypass'>,
): Promise<Explanation> {
  const { route, uri } = request;
  const key = cacheKey(route, 'GET', uri);
  const selection = await select(context, key, { ...request, target: '', body: undefined });
  const { entry } = selection;
  const refusal = context.tally.lastRefusal(key);
  const common = {
    key,
    ...(selection.key !== key && { variantKey: selection.key }),
    ...(selection.coded !== undefined && selection.coding !== undefined && { coding: selection.coding }),
    ...(refusal !== undefined && { lastRefusal: lastRefusal(refusal) }),
  };
  const applied = context.ledger.applied;
  const isForOthers = entry !== undefined && !isFor(entry, request);
  const passed = passReason(context, request) ?? (isForOthers ? 'bypass' : undefined);
  if (entry === undefined || passed !== undefined) {
    const position = { applied, lastInvalidation: context.ledger.lastAffecting({ ...keyParts(key), tags: [] }) };
    const stored = entry === undefined ? {} : { entry: summaryOf(context, noteOf(entry)) };
    return {
      ...common,
      ...whyForward(isForOthers ? { ...request, bypass: 'credentials' } : request, passed ?? selection.miss),
      verdict: 'forward',
      position,
      ...stored,
    };
  }
  return { ...common, ...explainEntry(context, request, entry) };
}

type Grounds = Pick<Explanation, 'reason' | 'section'>;

function lastRefusal({ refusal, untracked }: Refused): Grounds {
  const { section, sentence } = refusalText(refusal);
  const why = untracked === undefined ? sentence : `${sentence.replace(/\.$/, '')}. Its tracker says: ${untracked}`;
  return { reason: `${refusal}: ${why}`, section };
}

function whyForward(
  { method, bypass }: Pick<GateRequest, 'method' | 'bypass'>,
  why: ForwardReason | undefined,
): Grounds {
  switch (why) {
    case 'bypass':
      return whyBypassed(bypass);
    case 'request':
      return { reason: 'Its precondition is for the origin to evaluate.', section: 'RFC 9111 §4.3.2' };
    case 'method':
      if (isSafeMethod(method)) return { reason: `Responses to ${method} are not stored.`, section: 'RFC 9111 §3' };
      return { reason: `${method} is not safe and goes to the origin.`, section: 'RFC 9111 §4' };
    case 'vary-miss':
      return {
        reason: 'Responses for other selecting header fields are stored, none for these.',
        section: 'RFC 9111 §4.1',
      };
    default:
      return { reason: 'Nothing is stored for this URI.', section: 'RFC 9111 §4' };
  }
}

function whyBypassed(bypass: GateRequest['bypass']): Grounds {
  if (bypass === 'credentials') {
    return {
      reason:
        'The route or its tenant gives freshness, or the route has rules for cookies, and the request has Authorization or a cookie that is ' +
        'neither in the key nor taken off: mend it with cookies, or request.remove.',
      section: 'docs/configuration.md, cookies and credentials',
    };
  }
  if (bypass === 'ambiguous-path')
    return {
      reason: 'The origin may read the path as one that another route takes: mend it with paths of the origin.',
      section: 'docs/configuration.md, paths',
    };
  if (bypass === 'no-lease')
    return {
      reason: 'The log of the cluster is not in reach, so this gate may not have heard of an invalidation.',
      section: 'docs/several-machines.md, without the engine',
    };
  if (bypass)
    return { reason: 'A rule of the route lets it go by the cache.', section: 'docs/configuration.md, bypass' };
  return {
    reason: 'The request states a position of a source that this gate has not reached: its client has written there.',
    section: 'docs/exact-invalidation.md, writes',
  };
}

function explainEntry(
  context: Context,
  request: Pick<GateRequest, 'fields'>,
  entry: StoredResponse,
): Grounds & Pick<Explanation, 'verdict' | 'entry' | 'freshness' | 'position'> {
  const { ledger, clock } = context;
  const outdated = !ledger.isCurrent(entry);
  const decision = decideReuse(requestDemands(request.fields), entry, { now: clock.now(), outdated });
  const silent = decision.reason === 'outdated' ? silentSource(context, entry.tags) : undefined;
  const { section, sentence } = silent ?? REUSE_REASONS[decision.reason];
  const { lifetimeMs, source, staleWhileRevalidateMs, staleIfErrorMs } = entry.terms;
  const summary = summaryOf(context, noteOf(entry));
  const part = fieldValue(decodeHead(entry.bytes, entry.headBytes), 'content-range');
  return {
    verdict: decision.kind === 'refuse' ? 'forward' : decision.kind,
    reason: entry.status === 206 ? `${sentence} It is a part: ${part ?? 'without Content-Range'}.` : sentence,
    section,
    entry: summary,
    freshness: { lifetimeMs, source, ageMs: summary.ageMs, staleWhileRevalidateMs, staleIfErrorMs },
    position: { applied: ledger.applied, lastInvalidation: ledger.lastAffecting(subjectOf(entry)) },
  };
}

/** Where the entry was read from a source whose tracker is not heard of. */
function silentSource(
  { sources }: Context,
  tags: readonly string[],
): { section: string; sentence: string } | undefined {
  const live = new Set(sources.states().flatMap(({ source, live }) => (live ? source : [])));
  const silent = tags.flatMap((tag) => sourceOf(tag) ?? []).find((source) => !live.has(source));
  if (silent === undefined) return undefined;
  return {
    section: 'docs/exact-invalidation.md, when something fails',
    sentence: `The source ${silent} is not heard of: nothing of it is served.`,
  };
}

/** Combines results: the highest position, and the sum of matches (an entry that two of them name counts twice). */
export function summed(results: readonly InvalidationResult[]): InvalidationResult {
  const position = Math.max(0, ...results.map((result) => result.position));
  const matched = results.reduce((sum, result) => sum + result.matched, 0);
  return { position, matched, ...(results.some(({ more }) => more === true) && { more: true }) };
}
