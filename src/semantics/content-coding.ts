// Content codings, and the choice among them for a request (Accept-Encoding, RFC 9110 §8.4, §12.5.3).
//
// Identity is a choice like the others, but never refused. Nothing obliges a server to answer 406 (RFC 9110 §12.5.3),
// and an uncoded answer serves a client better than an error.

import { listMembers, trimOws } from './fields.ts';

/** The codings that a stored response may be put in: a closed list. */
export const CODINGS = ['zstd', 'br', 'gzip'] as const;

export type Coding = (typeof CODINGS)[number];

/** The codings that a request takes, the best first; at least one. */
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
  // Unstated, identity is acceptable but not preferred; stated as 0, it is the last resort.
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
 * Weights by coding. An unreadable weight counts as 0, and the lower of two weights for one coding counts: the client
 * gets no coding that it may not want.
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

/** Values remembered; each kind of client sends its own. The first ones stay. */
const MAX_REMEMBERED = 256;
const MAX_REMEMBERED_CHARS = 100;

/** Chooses codings for many requests: remembers the choices for usual values. */
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
