// `tidegate/semantics`: RFC 9110 and RFC 9111 as pure functions on plain data, of use without the rest.

export {
  type CacheControl,
  parseCacheControl,
  type RequestDemands,
  requestDemands,
  responseDirectives,
} from './cache-control.ts';
export {
  type Fields,
  fieldLines,
  fieldValue,
  formatHttpDate,
  parseHttpDate,
  type RequestHead,
  type ResponseHead,
  selectingFields,
} from './fields.ts';
export { type LifetimeSource, type ReuseTerms, reuseTerms, type Timing } from './freshness.ts';
export { groupsInvalidated, invalidatedUris, isSafeMethod, tagsOf } from './invalidation.ts';
export type { ForwardReason, Outcome, OutcomeDetail } from './outcome.ts';
export { formatCacheStatus } from './outcome.ts';
export { type CachePolicy, CONFORMANCE_POLICY, type Profile, SAFE_POLICY } from './policy.ts';
export { parseContentRange, parseRange, rangeAnswer, resolveRanges } from './ranges.ts';
export {
  ageSeconds,
  currentAgeMs,
  decideReuse,
  evaluatePreconditions,
  ifRangeHolds,
  notModifiedFields,
  type OnError,
  REUSE_REASONS,
  type ReuseDecision,
  ttlSeconds,
} from './reuse.ts';
export {
  decideStoring,
  STORING_REFUSALS,
  type StoringDecision,
  type StoringRefusal,
  storableFields,
} from './storing.ts';
export { freshenedFields, headUpdate, validationAnswers, validationFields } from './validation.ts';
export { normaliserFor } from './vary.ts';
