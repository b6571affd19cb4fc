// The one class that each exchange is counted under.

import type { Outcome, OutcomeDetail } from '../semantics/outcome.ts';

export const OUTCOME_CLASSES = [
  'hit',
  'stale',
  'validated',
  'collapsed',
  'miss',
  'bypass',
  'error',
  'refused',
] as const;

/** How an exchange ended, for counting: each has exactly one. */
export type OutcomeClass = (typeof OUTCOME_CLASSES)[number];

const CLASS_BY_DETAIL: { readonly [detail in OutcomeDetail]?: OutcomeClass } = {
  refused: 'refused',
  'only-if-cached': 'refused',
  'origin-error': 'error',
  overload: 'refused',
  'stale-while-revalidate': 'stale',
  'stale-if-error': 'stale',
  grace: 'stale',
  validated: 'validated',
};

export function classOf({ detail, hit, collapsed, forward }: Outcome): OutcomeClass {
  const byDetail = detail && CLASS_BY_DETAIL[detail];
  if (byDetail !== undefined) return byDetail;
  if (hit) return 'hit';
  if (collapsed === true) return 'collapsed';
  return forward === 'bypass' || forward === 'method' ? 'bypass' : 'miss';
}

export function zeros<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}
