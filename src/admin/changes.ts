// The part of the admin API that invalidates and purges: turns the names in a call into the form that the routes give
// it.

import type { InvalidationResult } from '../engine/contract.ts';
import { summed } from '../engine/summary.ts';
import { type Named, RESPONSE_MEMBERS, readSelection, selectorsOf } from '../entry/selectors.ts';
import { expected } from '../errors.ts';
import type { Selector } from '../ledger/selector.ts';
import { NO_FIELDS } from '../semantics/fields.ts';
import type { CoreDeps } from './contract.ts';

/** How an operator names entries. */
export const OPERATOR_MEMBERS = { ...RESPONSE_MEMBERS, origin: 'text' } as const;

/** Names in one call. */
export const MAX_NAMED = 1_000;

type NamingDeps = Pick<CoreDeps, 'explainRequest' | 'originNames'>;

type Act = (selector: Selector) => Promise<InvalidationResult>;

/** What the call names, in the form that routes give it. Throws E_SELECTOR. */
export function selectorsIn(deps: NamingDeps, value: unknown): Selector[] {
  return namedOnce(value).flatMap((one) => selectorsOf(one).map((it) => asKeyed(deps, it)));
}

/** Throws E_SELECTOR before anything is done. The result does it. */
export function prepareChange(deps: NamingDeps, value: unknown): (act: Act) => Promise<object> {
  const named = namedOnce(value).map((one) => ({ ...one, selectors: selectorsOf(one).map((it) => asKeyed(deps, it)) }));
  const { member } = named[0] as Named;
  const isList = Array.isArray((value as Readonly<Record<string, unknown>>)[member]);
  return async (act) => {
    const { total, results } = await carriedOut(named, act);
    const name = LISTS[member] ?? member;
    return isList ? { ...total, results: named.map(({ text }, at) => ({ [name]: text, ...results[at] })) } : total;
  };
}

async function carriedOut(named: readonly { readonly selectors: readonly Selector[] }[], act: Act) {
  const settled = await Promise.allSettled(
    named.map(async ({ selectors }) => summed(await Promise.all(selectors.map(act)))),
  );
  const failed = settled.find((one) => one.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  const results = settled.map((one) => (one as PromiseFulfilledResult<InvalidationResult>).value);
  return { total: summed(results), results };
}

/** Members that are lists, each with the name of one element. */
const LISTS: Readonly<Record<string, string>> = { tags: 'tag', urls: 'url' };

/** Takes one member only: with two, some users would expect the intersection and others the union. */
function namedOnce(value: unknown): readonly Named[] {
  const named = readSelection(value, OPERATOR_MEMBERS);
  const members = new Set(named.map(({ member }) => member));
  const known = Object.keys(OPERATOR_MEMBERS).join(', ');
  if (members.size > 1) return expected('E_SELECTOR', `exactly one of ${known}`, [...members].join(' and '));
  return named.length > MAX_NAMED ? expected('E_SELECTOR', `at most ${MAX_NAMED} in one call`, named.length) : named;
}

function asKeyed({ explainRequest, originNames }: NamingDeps, selector: Selector): Selector {
  // A route may drop query parameters from the key; a URL that has them still names the entry.
  const routed = (uri: string) => explainRequest({ method: 'GET', uri, fields: NO_FIELDS })?.uri;
  switch (selector.kind) {
    case 'origin': {
      // A misspelt name must not look like success.
      const names = originNames();
      if (names.includes(selector.origin)) return selector;
      return expected('E_SELECTOR', `one of ${names.join(', ')} as origin`, selector.origin);
    }
    case 'prefix': {
      // It must be written as its route writes queries, or no key would begin with it.
      const whole = selector.prefix.replace(/[?&]$/, '');
      const kept = whole.includes('?') ? (routed(whole) ?? whole) : whole;
      if (kept === whole) return selector;
      return expected('E_SELECTOR', `a query as its route keeps it, ${kept}`, selector.prefix);
    }
    case 'url': {
      const uri = routed(selector.uri) ?? expected('E_SELECTOR', 'a URL that a route takes', selector.uri);
      return { kind: 'url', uri };
    }
    default:
      return selector;
  }
}
