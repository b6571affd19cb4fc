// The 64-bit hash under which the index knows a key.
//
// Two keys may share a hash. Then one takes the other's slot, which costs a miss and nothing else, since the record has the
// whole key. A client gains nothing from inventing such keys, or keys whose low bits agree: the index mixes the hash with a
// number of its own before it chooses a place.

/** Two unsigned 32-bit halves. */
export interface KeyHash {
  readonly high: number;
  readonly low: number;
}

/** Hashes the UTF-16 code units in two lanes. Both multiply after they mix a unit in; the second also rotates before. */
export function keyHash(key: string): KeyHash {
  let high = 0x2c9277b5;
  let low = 0x5f356495 ^ key.length;
  for (let at = 0; at < key.length; at++) {
    const unit = key.charCodeAt(at);
    high = Math.imul(high ^ unit, 0x01000193);
    low = Math.imul(((low << 13) | (low >>> 19)) ^ unit, 0x2c1b3c6d);
  }
  high = mixed(high ^ (low >>> 7));
  low = mixed(low ^ high);
  return { high: high >>> 0, low: low >>> 0 };
}

/** Every bit of the result depends on every bit of the number. */
export function mixed(bits: number): number {
  let mix = Math.imul(bits ^ (bits >>> 16), 0x7feb352d);
  mix = Math.imul(mix ^ (mix >>> 15), 0x846ca68b);
  return mix ^ (mix >>> 16);
}
