// Stores values in a data cache, filled, put in or given late tags: whether a value may be stored, in which order, and under
// which stamp.
//
// A fill may take the place of a current value. No invalidation has outdated that value, so a slower tier that
// fails to take the new value, or takes an older one later, would give the old one again. So where there are slower tiers
// all that is there is superseded first, as by a value that is put in. Fills of the key that began later have read it later
// still: to them that invalidation is none, so their stamp for the key, and for nothing else, moves past it.
//
// A value that was read before another was put in must not take its place, in any tier. So each put has a turn, and where
// there are slower tiers the put is an invalidation of what was there.
//
// Tags come late where a caller asks for an entry by tags that it does not have. They count like those it was stored with, so
// it takes them, in every tier, before it is given. A slower tier may fail to take the entry with its new tags, or take an
// older one later; once memory has evicted it, it would come back without them. So there it is superseded first as well. It
// was current at that moment, so its stamp moves past that.

import { valueSubject } from '../../entry/key.ts';
import { ownTexts } from '../../entry/own-text.ts';
import type { OwnedValue } from '../../entry/owned-value.ts';
import { lateTags, type StoredValue } from '../../entry/stored-value.ts';
import type { Eventually } from '../../ports.ts';
import { wasReadNoEarlier } from '../tiers/tier-loop.ts';
import { entryOf, type Filled, type ValueContext } from './value-context.ts';
import type { FillResult, ManyFill, SetTerms, ValueTerms } from './value-contract.ts';
import { MAX_TAGS, tagsOf, type ValueFlight, type ValueLanding } from './value-flight.ts';

interface FillLanding {
  readonly landing: ValueLanding & { readonly kind: 'filled' };
  readonly fillMs: number;
}

/** Stores it if it may be stored. A promise only where the log takes time to apply a change; it does not reject. */
export function storeFilled(context: ValueContext, flight: ValueFlight, given: FillLanding): Eventually<FillResult> {
  const isReplaced = context.elsewhere !== 'nowhere' && flight.replaces;
  return (
    refusalOf(context, flight, given) ??
    (isReplaced ? replace(context, flight, given) : keepFilled(context, flight, given))
  );
}

function refusalOf(
  { ledger }: ValueContext,
  flight: ValueFlight,
  given: FillLanding,
): 'refused' | 'overtaken' | undefined {
  const refusal = ledger.judge(flight.fill, valueSubject(flight.key, termsOf(flight, given).tags));
  return refusal === undefined || refusal === 'overtaken' ? refusal : 'refused';
}

function keepFilled(context: ValueContext, flight: ValueFlight, given: FillLanding): FillResult {
  const { clock, random, fault } = context;
  const { key } = flight;
  const terms = termsOf(flight, given);
  if (terms.ttlMs === 0 || flight.hasTooManyTags) {
    context.drop(key);
    return 'not-stored';
  }
  const { landing, fillMs } = given;
  const { owned, validator } = landing;
  const read = { stamp: flight.fill.keyStamp, readAt: flight.fill.stamp.position };
  const filled = { key, owned, validator, fillMs, now: clock.now(), ...read };
  const stored = context.keep(entryOf(filled, terms, random), terms.memoryOnly);
  if (stored instanceof Promise) stored.catch(fault);
  return stored === false ? 'not-stored' : 'stored';
}

function replace(context: ValueContext, flight: ValueFlight, given: FillLanding): Eventually<FillResult> {
  const { ledger, invalidator, underWay, fault } = context;
  const { key } = flight.plan;
  const before = ledger.applied;
  const superseded = invalidator.supersede(key);
  if (ledger.applied !== before + 1) {
    const kept = keepLater(context, flight, { ...given, superseded, before });
    flight.settled = underWay.track(kept);
    return kept;
  }
  // Nothing concerned the key since this one began, so nothing did since the later ones began.
  ledger.fills.supersede(key, ledger.applied, flight.fill.keyStamp.position);
  // In force, so it is stored at once. A read is no change: nobody waits until the log has made it durable.
  if (superseded instanceof Promise) void underWay.track(superseded.catch(fault));
  return keepFilled(context, flight, given);
}

/** The log takes time, so others may have had their turn meanwhile. */
async function keepLater(
  context: ValueContext,
  flight: ValueFlight,
  given: FillLanding & { readonly superseded: Eventually<number>; readonly before: number },
): Promise<FillResult> {
  const { ledger, fault } = context;
  try {
    const position = await given.superseded;
    if (position !== given.before + 1) return 'refused';
    ledger.fills.supersede(flight.key, position, flight.fill.keyStamp.position);
    return refusalOf(context, flight, given) ?? keepFilled(context, flight, given);
  } catch (error) {
    fault(error);
    return 'not-stored';
  }
}

/** Puts in a value that was not filled here; whether it was stored. */
export function storePut(
  context: ValueContext,
  given: { readonly key: string; readonly owned: OwnedValue },
  { stamp, validator, ...terms }: SetTerms,
): Eventually<boolean> {
  const { key, owned } = given;
  const { ledger, tally, clock, random, underWay } = context;
  const begun = stamp ?? ledger.arrive();
  const what = valueSubject(key, terms.tags);
  if (ledger.fills.wasReplacedSince(key, begun.turn) || ledger.judge(begun, what) !== undefined) {
    tally.set(key, 'refused');
    return false;
  }
  // A value that was read earlier must not take its place.
  ledger.fills.replace(key);
  const read = { stamp: begun, readAt: begun.position };
  const filled = { key, owned, validator, fillMs: 0, now: clock.now(), ...read };
  // What was read at a stamp is no news to other caches, as what is said now is.
  const isNews = context.elsewhere === 'caches' && stamp === undefined;
  if (context.elsewhere === 'tiers' || isNews) return underWay.track(putEverywhere(context, filled, terms));
  const isKept = terms.ttlMs !== 0 && context.keep(entryOf(filled, terms, random), terms.memoryOnly) !== false;
  tally.set(key, isKept ? 'stored' : 'not-stored');
  if (terms.ttlMs === 0) context.drop(key);
  return isKept;
}

/** All that is there is outdated first, so that no older value is ever given again. */
async function putEverywhere(context: ValueContext, filled: Filled, terms: ValueTerms): Promise<boolean> {
  const { ledger, invalidator, tally, random } = context;
  const { key, stamp } = filled;
  const before = ledger.applied;
  const position = await invalidator.supersede(key);
  const what = valueSubject(key, terms.tags);
  // Where the log takes time, others may have had their turn before it, and since then a later value.
  const isOverdue =
    ledger.isAffectedSince({ ...stamp, position: before }, what, position - 1) ||
    ledger.isAffectedSince({ ...stamp, position }, what);
  const result = isOverdue ? 'refused' : terms.ttlMs === 0 ? 'not-stored' : 'stored';
  if (result !== 'stored') {
    tally.set(key, result);
    return false;
  }
  const kept = context.keep(entryOf({ ...filled, stamp: { ...stamp, position } }, terms, random), terms.memoryOnly);
  // A slower tier answers later; a failure is reported then.
  tally.set(key, kept === false ? 'not-stored' : 'stored');
  return (await kept) !== false;
}

/** With the tags of all who have joined by now. */
function termsOf(flight: ValueFlight, { landing }: FillLanding): ValueTerms {
  return { ...landing.terms, tags: flight.joinedTo(landing.terms.tags) };
}

/**
 * The entry with the tags of whoever names it so, itself where it has them; not stored. Undefined: something outdated it by
 * one that it did not have.
 */
export function named({ ledger }: ValueContext, entry: StoredValue, asked: ManyFill): StoredValue | undefined {
  const late = lateTags(entry.tags, tagsOf(asked));
  if (late.length === 0) return entry;
  const { epoch, stamp, readAt } = entry;
  const since = { epoch, position: readAt };
  const what = { uri: '', origin: '', tags: late };
  if (readAt !== stamp && ledger.isAffectedSince(since, what)) return undefined;
  return { ...entry, tags: [...entry.tags, ...ownTexts(late)], checkedUpTo: stamp };
}

/** Gives the entry its late tags in every tier that is to have it. Undefined also where this is impossible. */
export function taken(context: ValueContext, entry: StoredValue, asked: ManyFill): Eventually<StoredValue | undefined> {
  const by = typeof asked.fill === 'function' ? undefined : asked.fill.naming;
  if (by !== undefined && entry.namedBy === by) return entry;
  if (named(context, entry, asked) === entry) {
    entry.namedBy = by;
    return entry;
  }
  const latest = latestOf(context, entry);
  const better = named(context, latest, asked);
  if (better === latest || better === undefined) return better;
  const { ledger, elsewhere, underWay } = context;
  // Superseded, what is expired would be outdated.
  const mayTake = ledger.isCurrent(better) || (elsewhere !== 'tiers' && ledger.isExpired(better));
  if (!mayTake || better.tags.length > MAX_TAGS) return undefined;
  if (typeof asked.fill !== 'function') asked.fill.noted();
  // The fill under way will take its place.
  ledger.fills.newestJoinable(entry.key)?.holder.join(tagsOf(asked));
  if (elsewhere === 'tiers') return underWay.track(takenEverywhere(context, better, asked.terms.memoryOnly));
  context.keep(better, true);
  return better;
}

/** Memory may have it with more tags by now. */
function latestOf({ memory, ledger }: ValueContext, entry: StoredValue): StoredValue {
  const there = memory?.get(entry.key);
  if (there === undefined || there instanceof Promise || !wasReadNoEarlier(there, entry)) return entry;
  return ledger.isCurrent(there) || ledger.isExpired(there) ? there : entry;
}

async function takenEverywhere(
  context: ValueContext,
  entry: StoredValue,
  memoryOnly: boolean,
): Promise<StoredValue | undefined> {
  const { ledger, invalidator, fault } = context;
  const { key, epoch, tags } = entry;
  try {
    const before = ledger.applied;
    const superseded = invalidator.supersede(key);
    const position = before + 1;
    if (ledger.applied !== position) {
      // The log takes time, so others may have had their turn meanwhile.
      const isNext = (await superseded) === position;
      if (!isNext || ledger.isAffectedSince({ epoch, position }, valueSubject(key, tags))) return undefined;
    }
    const taken = { ...entry, stamp: position, checkedUpTo: position };
    // Fills of the key that are under way read it later still.
    ledger.fills.supersede(key, position, entry.stamp);
    const kept = context.keep(taken, memoryOnly);
    await superseded;
    await kept;
    return taken;
  } catch (error) {
    fault(error);
    return undefined;
  }
}
