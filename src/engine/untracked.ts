// The sources of a gate that no tracker reports to. None of them is ever heard of, so what was read from one is not stored.

import { sourceOf } from '../entry/key.ts';
import { NO_FIELDS } from '../semantics/fields.ts';
import type { Sources } from './tracked-sources.ts';

const isRead = (tags: readonly string[]) => tags.some((tag) => sourceOf(tag) !== undefined);

export const UNTRACKED: Sources = {
  leases: {
    hasAny: false,
    allows: (tags, isFromBefore) => !isFromBefore || !isRead(tags),
    isRead,
    states: () => [],
  },
  positions: { isAhead: () => false, cookies: () => NO_FIELDS, unknown: 0 },
  report: () => Promise.reject(new TypeError('expected a gate that trackers report to, got another')),
  ask: async () => ({ kind: 'unknown-source' }),
};
