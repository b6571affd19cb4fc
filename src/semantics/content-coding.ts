// Content codings and which of them a request takes (Accept-Encoding, RFC 9110 §8.4, §12.5.3).
//
// Identity is a choice like the others, but never refused. Nothing obliges a server to answer 406
// (RFC 9110 §12.5.3), and an answer that is not coded serves a client better than an error.

import { listMembers, trimOws } from './fields.ts';

/** The codings that a stored response may be put in: a closed list. */
export const CODINGS = ['zstd', 'br', 'gzip'] as const;

export type Coding = (typeof CODINGS)[number];

/** What a request takes, the best first; at least one. */
export type AcceptedCodings = readonly (Coding | 'identity')[];

const IDENTITY_ONLY: AcceptedCodings = Object.freeze(['identity']);

/**
 * The codings of `offered` that the request takes, and identity, the best first: by weight, then in the order of
 * `offered`, identity behind those of its weight. A request without the field may be from a client that knows no codings,
 * so it gets identity, though it would have to take any.
 */
export function acceptedCodings(value: string | undefined, offered: readonly Coding[]): AcceptedCodings {
  if (value === undefined) return IDENTITY_ONLY;
  const weights = statedWeights(value);
  const any = weights.get('*');
  const ranked = offered
    .map((coding): Ranked => ({ coding, weight: weights.get(coding) ?? any ?? 0 }))
    .filter(({ weight }) => weight > 0);
  // Not stated, identity is acceptable, and nothing is said for it; stated as 0, it is what is left if nothing else is.
  const identity = weights.get('identity') ?? any ?? Number.MIN_VALUE;
  if (identity > 0 || ranked.length === 0) ranked.push({ coding: 'identity', weight: identity });
  return ranked.sort((one, other) => other.weight - one.weight).map(({ coding }) => coding);
}

interface Ranked {
  readonly coding: Coding | 'identity';
  readonly weight: number;
}

/** codings [ OWS ";" OWS "q=" qvalue ] (RFC 9110 §12.4.2, §12.5.3) */
const MEMBER = /^([!#$%&'*+\-.^_`|~0-9a-z]+)(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/;

/**
 * Weights by coding. What cannot be read is taken for 0, and of a coding stated twice the lower weight counts: what the
 * client does not surely want is not sent to it.
 */
function statedWeights(value: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const member of listMembers(value.toLowerCase())) {
    const match = MEMBER.exec(member);
    const name = match?.[1] ?? trimOws(member.split(';', 1)[0] as string);
    const weight = match === null ? 0 : Number(match[2] ?? 1);
    // RFC 9110 §8.4.1.3
    const coding = name === 'x-gzip' ? 'gzip' : name;
    weights.set(coding, Math.min(weight, weights.get(coding) ?? 1));
  }
  return weights;
}

/** Values remembered; there are as many in use as there are kinds of client. The first ones stay. */
const MAX_REMEMBERED = 256;
const MAX_REMEMBERED_CHARS = 100;

/** The same, for many requests: what usual values mean is remembered. */
export function codingChooser(offered: readonly Coding[]): (value: string | undefined) => AcceptedCodings {
  const remembered = new Map<string, AcceptedCodings>();
  return (value) => {
    if (value === undefined) return IDENTITY_ONLY;
    const known = remembered.get(value);
    if (known !== undefined) return known;
    const accepted = acceptedCodings(value, offered);
    if (remembered.size < MAX_REMEMBERED && value.length <= MAX_REMEMBERED_CHARS) remembered.set(value, accepted);
    return accepted;
  };
}
