// The tests a profile does not pass, each with its reason. A failed test that is not here is a defect, and so is one
// that is here and passes.

import type { Profile } from '../src/semantics/policy.ts';

/** Why not passing is right; only `profile` is a choice of ours, and counts. */
export type Ground =
  /** The RFC forbids what the test asks for. */
  | 'against-rfc'
  /** No cache can pass it, whatever it does. */
  | 'suite-error'
  /** The test is about something that is no RFC. */
  | 'no-rfc'
  /** The platform does not hand the message to the gate. */
  | 'platform'
  /** RFC 9111 allows it, the profile does not. */
  | 'profile';

export interface Deviation {
  readonly tests: readonly string[];
  readonly ground: Ground;
  readonly reason: string;
}

const COMMON: readonly Deviation[] = [
  {
    tests: [
      'age-parse-nonnumeric',
      'age-parse-negative',
      'age-parse-float',
      'age-parse-prefix-twoline',
      'age-parse-dup-0',
      'age-parse-dup-0-twoline',
      'age-parse-dup-old',
      'age-parse-parameter',
      'age-parse-numeric-parameter',
    ],
    ground: 'against-rfc',
    reason: 'RFC 9111 §5.1: a malformed Age is ignored, of several the first counts; these are of RFC 7234',
  },
  {
    tests: [
      'stale-close-must-revalidate',
      'stale-close-proxy-revalidate',
      'stale-close-no-cache',
      'stale-close-s-maxage=2',
    ],
    ground: 'suite-error',
    reason: 'wants the counter of an origin that has hung up; a 502 counts as cached. Tested in test/engine instead',
  },
  {
    tests: ['conditional-lm-fresh-no-lm'],
    ground: 'against-rfc',
    reason: 'RFC 9111 §4.3.2: without Last-Modified, Date counts, and it is later; http-tests/cache-tests#204',
  },
  {
    tests: ['headers-store-Transfer-Encoding'],
    ground: 'against-rfc',
    reason: 'RFC 9112 §7.4: no transfer coding but chunked was asked for; of an unknown one nothing can be read',
  },
  {
    tests: ['surrogate-max-age-me-target', 'surrogate-max-age-case-insensitive', 'surrogate-fresh-cc-nostore'],
    ground: 'no-rfc',
    reason: 'Surrogate-Control (W3C, 2001) is read as a targeted field of RFC 9213: no device targets, no upper case',
  },
];

const SAFE: readonly Deviation[] = [
  {
    tests: ['headers-store-Set-Cookie', 'other-set-cookie', '304-etag-update-response-Set-Cookie'],
    ground: 'profile',
    reason: 'a response with Set-Cookie is not stored: a session must not be shared by oversight',
  },
  {
    tests: ['304-etag-update-response-ETag'],
    ground: 'against-rfc',
    reason: 'RFC 9111 §4.3.4: a 304 with another strong ETag selects no stored response',
  },
  {
    tests: [
      'heuristic-404-cached',
      'heuristic-405-cached',
      'heuristic-410-cached',
      'heuristic-414-cached',
      'heuristic-501-cached',
      'heuristic-599-cached',
    ],
    ground: 'profile',
    reason: 'an error is kept only for as long as it says itself: one client could provoke it for all',
  },
  {
    tests: ['status-400-fresh', 'status-400-stale'],
    ground: 'profile',
    reason: 'a client causes a 400 by a field that is not in the key, and would be answered for all',
  },
  {
    tests: ['vary-normalise-lang-order', 'vary-normalise-lang-select'],
    ground: 'profile',
    reason: 'some origins read meaning in the order of languages, and would be misquoted',
  },
  {
    tests: ['vary-normalise-space'],
    ground: 'profile',
    reason: 'of an unknown field it is not known that white space in it means nothing',
  },
  {
    tests: [
      'invalidate-POST-failed',
      'invalidate-PUT-failed',
      'invalidate-DELETE-failed',
      'invalidate-M-SEARCH-failed',
    ],
    ground: 'profile',
    reason: 'a 5xx to a write does not say that nothing has changed',
  },
  {
    tests: [
      'partial-store-partial-reuse-partial',
      'partial-store-partial-reuse-partial-byterange',
      'partial-store-partial-reuse-partial-absent',
      'partial-store-partial-reuse-partial-suffix',
    ],
    ground: 'against-rfc',
    reason: 'its 206 has five bytes and says six (RFC 9110 §14.4); proper parts: test/engine/partial.test.ts',
  },
  {
    tests: ['partial-store-partial-complete'],
    ground: 'profile',
    reason: 'without a strong validator the rest could not be combined (RFC 9111 §3.4), so it is not asked for',
  },
];

const BY_PROFILE: Readonly<Record<Profile, readonly Deviation[]>> = { conformance: COMMON, safe: [...COMMON, ...SAFE] };

const WORKERS: Readonly<Record<Profile, readonly Deviation[]>> = {
  conformance: [
    {
      tests: ['headers-store-Transfer-Encoding'],
      ground: 'platform',
      reason: 'workerd refuses a response whose transfer coding it does not know: the fetch fails',
    },
    {
      tests: ['invalidate-M-SEARCH', 'invalidate-M-SEARCH-cl', 'invalidate-M-SEARCH-failed'],
      ground: 'platform',
      reason: 'workerd answers methods that it does not know with 501 before the Worker runs',
    },
  ],
  safe: [
    {
      tests: ['invalidate-M-SEARCH', 'invalidate-M-SEARCH-cl'],
      ground: 'platform',
      reason: 'workerd answers methods that it does not know with 501 before the Worker runs',
    },
  ],
};

export type Platform = 'node' | 'workers';

export function deviationsOf(profile: Profile, platform: Platform): readonly Deviation[] {
  return platform === 'node' ? BY_PROFILE[profile] : [...WORKERS[profile], ...BY_PROFILE[profile]];
}
