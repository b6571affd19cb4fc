// Hashes of texts. Who sends a text must not choose what it collides with: where that matters, a key that nobody knows decides.

/** FNV-1a over UTF-16 code units. `hash`: of what stands before the text. */
export function fnv1a(text: string, hash = 0x811c9dc5): number {
  let added = hash;
  for (let at = 0; at < text.length; at++) added = Math.imul(added ^ text.charCodeAt(at), 0x01000193);
  return added;
}

/** 64 bits. */
export type HashKey = readonly [one: number, other: number];

/**
 * HalfSipHash-1-3 (Aumasson, Bernstein), over UTF-16 code units in little-endian order, so that a word of it holds two.
 * `kind`: texts of another kind hash otherwise.
 */
export function keyedHash(text: string, key: HashKey, kind = 0): number {
  let v0 = key[0] ^ kind;
  let v1 = key[1];
  let v2 = 0x6c796765 ^ v0;
  let v3 = 0x74656462 ^ v1;
  const { length } = text;
  const last = length >> 1;
  // The last word holds the length, and three rounds follow on it.
  for (let at = 0; at <= last + 3; at++) {
    let word = 0;
    if (at < last) word = text.charCodeAt(2 * at) | (text.charCodeAt(2 * at + 1) << 16);
    else if (at === last) word = (length << 25) | (length % 2 === 0 ? 0 : text.charCodeAt(length - 1));
    else if (at === last + 1) v2 ^= 0xff;
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
  }
  return v1 ^ v3;
}

/** The key that a secret makes: a random text, of which no client is told enough. */
export function keyOf(secret: string): HashKey {
  return [keyedHash(secret, [1, 2]), keyedHash(secret, [3, 4])];
}

/** The key for signatures. The key that chooses buckets differs, even with one secret for both. */
export function signingKey(secret: string): HashKey {
  return keyOf(`signature ${secret}`);
}

/** Characters that `signed` adds. */
export const SIGNATURE_LENGTH = 17;

/** The text, with a signature that nobody makes who does not know the key: `~` and 64 bits in hexadecimal. */
export function signed(text: string, key: HashKey): string {
  return `${text}~${hex(keyedHash(text, key, 1))}${hex(keyedHash(text, key, 2))}`;
}

/** The text before what looks like a signature, or the whole. */
export function withoutSignature(given: string): string {
  return SIGNED.exec(given)?.[1] ?? given;
}

/** The text that was signed with the key; undefined: it was not. The time does not tell where a signature is wrong. */
export function verified(given: string, key: HashKey): string | undefined {
  const [, text, one = '', other = ''] = SIGNED.exec(given) ?? [];
  if (text === undefined) return undefined;
  const firstDiffers = keyedHash(text, key, 1) ^ Number.parseInt(one, 16);
  const secondDiffers = keyedHash(text, key, 2) ^ Number.parseInt(other, 16);
  return (firstDiffers | secondDiffers) === 0 ? text : undefined;
}

const SIGNED = /^(.*)~([0-9a-f]{8})([0-9a-f]{8})$/s;

function hex(hash: number): string {
  return (hash >>> 0).toString(16).padStart(8, '0');
}
