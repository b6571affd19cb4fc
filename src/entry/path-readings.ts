// What an origin may read in a path beside what it says. RFC 3986 §6.2.3 leaves it to each scheme and server whether `//`, `%2F`, `;a`
// or capitals make another path; origins differ, and whoever knows how this one reads walks around a rule that knows one reading alone.

/** Whether the origin may read a path so: `true` where it is not known, as more readings only make rules stricter. */
export interface PathRules {
  /** `//` is read as `/`. */
  readonly mergeSlashes: boolean;
  /** `%2F` and `%5C` are read as `/`. */
  readonly decodeSlash: boolean;
  /** `;a=1` at the end of a segment is not part of it (RFC 3986 §3.3). */
  readonly parameters: boolean;
  /** `/Account` is read as `/account`. */
  readonly caseInsensitive: boolean;
}

export const ANY_READING: PathRules = Object.freeze({
  mergeSlashes: true,
  decodeSlash: true,
  parameters: true,
  caseInsensitive: true,
});

const STEPS: readonly (readonly [keyof PathRules, (path: string) => string])[] = [
  ['decodeSlash', (path) => path.replace(/%(?:2F|5C)/g, '/')],
  ['parameters', (path) => path.replace(/(?:;|%3B)[^/]*/g, '')],
  ['mergeSlashes', (path) => path.replace(/\/{2,}/g, '/')],
];

const NONE: readonly string[] = [];

/**
 * The other readings of a path in the form of `normalPath`: what the steps make of it in any order. None for most paths.
 * Readings that differ in capitals alone are one; `foldPath` gives its form.
 */
export function otherReadings(path: string, rules: PathRules): readonly string[] {
  if (!/%2F|%5C|%3B|;|\/\//.test(path)) return NONE;
  const readings = new Set([path]);
  // A step takes characters away and adds none but slashes, so the set ends.
  for (const reading of readings) {
    for (const [rule, step] of STEPS) if (rules[rule]) readings.add(step(reading));
  }
  readings.delete(path);
  return [...readings];
}

/** The form in which paths that differ in capitals alone are equal. A path in the form of `normalPath` is ASCII. */
export function foldPath(path: string): string {
  return path.toLowerCase();
}

/** Forms of a path that no rule can be sure of; no client has to send them. */
export type PathTrap = 'dot-segment' | 'nul';

/**
 * `nul`: some origins end the path at `%00`, others go on. `dot-segment`: `.` or `..` so encoded, with a parameter, or beside an encoded
 * slash, that some origins climb where others see a name. Plain dot segments are resolved (RFC 3986 §5.2.4).
 */
export function pathTrap(target: string): PathTrap | undefined {
  if (!target.includes('%') && !target.includes(';')) return undefined;
  const path = target.split('?', 1)[0] as string;
  if (path.includes('%00')) return 'nul';
  const read = path
    .replace(/%2e/gi, '.')
    .replace(/%(?:2f|5c)/gi, '/')
    .replace(/%3b/gi, ';');
  return /\/\.\.?;/.test(read) || (read !== path && /\/\.\.?(?:\/|$)/.test(read)) ? 'dot-segment' : undefined;
}
