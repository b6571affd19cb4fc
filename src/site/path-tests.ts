// Patterns of paths, compiled once into plain tests that allocate nothing, and how a rule that restricts applies them.

import { foldPath, otherReadings, type PathRules } from '../entry/path-readings.ts';
import { normalGlob } from '../entry/uri-forms.ts';
import { globMatcher } from '../ledger/glob.ts';

type Matches = (path: string) => boolean;

/** Paths are in the form that `normalPath` gives them. */
export interface PathTest {
  readonly matches: Matches;
  /** The same for a path in the form of `foldPath`, capitals of the patterns counting as little as those of the path. */
  readonly matchesFolded: Matches;
  /** Whether a pattern has capitals: else a path without any needs no second look. */
  readonly hasCapitals: boolean;
}

/** The test against any of the patterns. */
export function compilePaths(patterns: string | readonly string[]): PathTest {
  const normal = [patterns].flat().map(normalGlob);
  const folded = normal.map(foldPath);
  return {
    matches: anyOf(normal),
    matchesFolded: anyOf(folded),
    hasCapitals: normal.some((pattern, at) => pattern !== folded[at]),
  };
}

function anyOf(patterns: readonly string[]): Matches {
  const tests = patterns.map(compilePattern);
  if (tests.length === 1) return tests[0]!;
  return (path) => {
    for (const test of tests) if (test(path)) return true;
    return false;
  };
}

/** Most patterns are a path or the beginning of one, for which no glob is needed. */
function compilePattern(pattern: string): Matches {
  const star = pattern.indexOf('*');
  if (!/[?\\]/.test(pattern)) {
    if (star < 0) return (path) => path === pattern;
    const beginning = pattern.slice(0, -1);
    if (star === pattern.length - 1) return (path) => path.startsWith(beginning);
  }
  return globMatcher(pattern);
}

/** Whether the patterns match any reading of the path: for rules that restrict. */
export function anyReading({ matches, matchesFolded, hasCapitals }: PathTest, rules: PathRules): Matches {
  return (path) => {
    if (matches(path)) return true;
    const others = otherReadings(path, rules);
    if (others.some(matches)) return true;
    if (!rules.caseInsensitive || !(hasCapitals || /[A-Z]/.test(path))) return false;
    return matchesFolded(foldPath(path)) || others.some((other) => matchesFolded(foldPath(other)));
  };
}
