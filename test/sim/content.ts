// Bodies that prove what they are. An answer's `x-claim` field says which version of what it is, and for whom; its body
// must then be, byte for byte, the one that follows from the claim.
//
// 304 and HEAD answers carry no claim, since a cache takes over the fields of those, and then a
// claim would no longer be of the read that gave the body.

import { type Fields, fieldValue } from '../../src/semantics/fields.ts';

export const CLAIM = 'x-claim';

export interface Claim {
  readonly uri: string;
  readonly version: number;
  readonly variant: string;
  /** The client request it is for alone; `-`: for all. */
  readonly reader: string;
  readonly status: number;
  readonly length: number;
  /** Number of the forward that brought the body. */
  readonly forward: number;
}

export function claimText(claim: Claim): string {
  const { uri, version, variant, reader, status, length, forward } = claim;
  return [uri, version, variant, reader, status, length, forward].join(' ');
}

export function claimOf(fields: Fields): Claim | undefined {
  const text = fieldValue(fields, CLAIM);
  if (text === undefined) return undefined;
  const parts = text.split(' ');
  if (parts.length !== 7) throw new TypeError(`expected one claim of seven parts, got ${text}`);
  const [uri, version, variant, reader, status, length, forward] = parts as [string, ...string[]];
  return {
    uri,
    version: Number(version),
    variant: variant as string,
    reader: reader as string,
    status: Number(status),
    length: Number(length),
    forward: Number(forward),
  };
}

const contents = new Map<string, Uint8Array>();
const MAX_CONTENT_BYTES = 64_000_000;
let contentBytes = 0;

/** The bytes that a claim promises. The forward that brought them makes no difference. */
export function contentOf(claim: Claim): Uint8Array {
  const text = claimText({ ...claim, forward: 0 });
  const known = contents.get(text);
  if (known !== undefined) return known;
  if (contentBytes > MAX_CONTENT_BYTES) {
    contents.clear();
    contentBytes = 0;
  }
  contentBytes += claim.length + 200;
  const made = makeContent(text, claim.length);
  contents.set(text, made);
  return made;
}

/** The claim's text as far as it fits, then noise that follows from it, so that every byte depends on the whole claim. */
function makeContent(text: string, length: number): Uint8Array {
  let state = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) state = Math.imul(state ^ text.charCodeAt(at), 0x01000193);
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> 24;
  }
  for (let at = 0; at < text.length && at < length - 16; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
