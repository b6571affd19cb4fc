// Globs over URIs: `*` stands for any run of characters, `?` for one, a backslash takes the next character as it is.
//
// An operator's pattern meets URIs that clients made up, so no pair of them may cost more than
// linear time. A pattern is cut at its stars into segments, and each is searched for once, from left to right: the
// leftmost match leaves the most room for the rest, so that nothing is ever tried twice.

/** Code units; ANY for `?`. */
type Segment = readonly number[];

/** Finds a segment in `text` at or after `from`; returns its end, or -1. */
type Search = (text: string, from: number) => number;

const ANY = -1;

/** Makes the test of whether a whole text matches the pattern. */
export function globMatcher(pattern: string): (text: string) => boolean {
  const segments = segmentsOf(pattern);
  const first = segments[0]!;
  if (segments.length === 1) return (text) => text.length === first.length && matchesAt(first, text, 0);
  const last = segments[segments.length - 1]!;
  const middle = segments.slice(1, -1).map((one) => (one.includes(ANY) ? searchMasked(one) : searchPlain(one)));
  const least = segments.reduce((sum, one) => sum + one.length, 0);
  return (text) => {
    const lastAt = text.length - last.length;
    // Also so that a long pattern costs a short text nothing.
    if (text.length < least || !matchesAt(first, text, 0) || !matchesAt(last, text, lastAt)) return false;
    let at = first.length;
    for (const search of middle) {
      at = search(text, at);
      if (at < 0 || at > lastAt) return false;
    }
    return true;
  };
}

function segmentsOf(pattern: string): Segment[] {
  let current: number[] = [];
  const segments = [current];
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at];
    if (char === '*') {
      current = [];
      segments.push(current);
    } else if (char === '?') {
      current.push(ANY);
    } else {
      // A backslash at the very end stands for itself.
      if (char === '\\' && at + 1 < pattern.length) at++;
      current.push(pattern.charCodeAt(at));
    }
  }
  // A run of stars is one star.
  return segments.filter((segment, at) => segment.length > 0 || at === 0 || at === segments.length - 1);
}

function matchesAt(segment: Segment, text: string, start: number): boolean {
  for (let at = 0; at < segment.length; at++) {
    if (segment[at] !== ANY && segment[at] !== text.charCodeAt(start + at)) return false;
  }
  return true;
}

/** Knuth, Morris and Pratt: `borders[n]` is the longest proper prefix of the first n + 1 that is also their suffix. */
function searchPlain(segment: Segment): Search {
  const borders = new Uint32Array(segment.length);
  for (let at = 1, length = 0; at < segment.length; at++) {
    while (length > 0 && segment[at] !== segment[length]) length = borders[length - 1]!;
    if (segment[at] === segment[length]) length++;
    borders[at] = length;
  }
  return (text, from) => {
    for (let at = from, length = 0; at < text.length; at++) {
      const char = text.charCodeAt(at);
      while (length > 0 && char !== segment[length]) length = borders[length - 1]!;
      if (char === segment[length]) length++;
      if (length === segment.length) return at + 1;
    }
    return -1;
  };
}

/**
 * With `?` there are no borders. Shift-And keeps one bit for each prefix of the segment that ends here, 32 to a word: a
 * character costs one step for every 32 of the segment.
 */
function searchMasked(segment: Segment): Search {
  const words = (segment.length + 31) >>> 5;
  const anywhere = new Uint32Array(words);
  const masks = new Map<number, Uint32Array>();
  for (const char of new Set(segment)) if (char !== ANY) masks.set(char, new Uint32Array(words));
  segment.forEach((char, at) => {
    const bit = 1 << (at & 31);
    for (const mask of char === ANY ? [anywhere, ...masks.values()] : [masks.get(char)!]) mask[at >>> 5]! |= bit;
  });
  const lastWord = words - 1;
  const lastBit = 1 << ((segment.length - 1) & 31);
  return (text, from) => {
    const state = new Uint32Array(words);
    for (let at = from; at < text.length; at++) {
      const mask = masks.get(text.charCodeAt(at)) ?? anywhere;
      let carry = 1;
      for (let word = 0; word < words; word++) {
        const bits = state[word]!;
        state[word] = ((bits << 1) | carry) & mask[word]!;
        carry = bits >>> 31;
      }
      if ((state[lastWord]! & lastBit) !== 0) return at + 1;
    }
    return -1;
  };
}
