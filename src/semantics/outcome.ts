// The result of a request, in the words of RFC 9211. Cache-Status, the access log, the metrics and `explain` all print
// this one value.

/** Why a request was forwarded to the origin (RFC 9211 §2.2). */
export type ForwardReason = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'miss' | 'request' | 'stale' | 'partial';

/** The cache's own additions in `detail=` (RFC 9211 §2.8): a closed list, so that it can be counted. */
export type OutcomeDetail =
  | 'outdated' // the entry was invalidated, and so validated or filled again
  | 'validated' // the origin said 304 and the stored response was freshened
  | 'stale-while-revalidate'
  | 'stale-if-error'
  | 'grace' // origin unreachable, time-expired entry served
  | 'hit-for-miss' // the key is known to be uncacheable, the request did not queue
  | 'invalidated-during-fill' // the answer was not stored, because a later invalidation affects it
  | 'intent-open' // the answer was not stored, because a write on it is under way
  | 'source-not-live' // the answer was not stored, because nobody tells of changes at its source
  | 'credentials' // the request has a cookie or Authorization that the route does not share answers over
  | 'only-if-cached'
  | 'origin-error'
  | 'refused'; // the gate itself refused the request

/** The result of one exchange. */
export interface Outcome {
  /** Whether a stored response satisfied the request without going forward (RFC 9211 §2.1). */
  readonly hit: boolean;
  readonly forward?: ForwardReason;
  /** Status code of the origin's answer (RFC 9211 §2.3). */
  readonly forwardStatus?: number;
  /** Remaining freshness lifetime in seconds, negative when stale (RFC 9211 §2.4). */
  readonly ttlSeconds?: number;
  /** Whether the answer was or is being stored (RFC 9211 §2.5). Absent when not known as the head is sent. */
  readonly stored?: boolean;
  /** Whether the request waited for another request's fill (RFC 9211 §2.6). */
  readonly collapsed?: boolean;
  readonly detail?: OutcomeDetail;
}
