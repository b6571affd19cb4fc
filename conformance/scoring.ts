// What the suite's raw results mean: a test counts as passed only if those it depends on did what it needs.

export type Kind = 'required' | 'optimal' | 'check';

export interface SuiteTest {
  readonly id: string;
  readonly name: string;
  readonly kind?: Kind;
  readonly depends_on?: readonly string[];
  readonly browser_only?: boolean;
}

export interface Suite {
  readonly id: string;
  readonly name: string;
  readonly tests: readonly SuiteTest[];
}

/** True: passed. Else the kind of failure and its message. */
export type RawResults = Readonly<Record<string, true | readonly [string, string]>>;

export type Verdict = 'pass' | 'fail' | 'dependency' | 'setup';

export interface Judged {
  readonly test: SuiteTest;
  readonly kind: Kind;
  readonly verdict: Verdict;
  readonly message: string;
}

/** Judges every test that is not for browsers alone. */
export function judge(suites: readonly Suite[], results: RawResults): Judged[] {
  const tests = new Map(suites.flatMap((suite) => suite.tests.map((test) => [test.id, test] as const)));
  return [...tests.values()]
    .filter((test) => test.browser_only !== true)
    .map((test) => {
      const raw = results[test.id];
      const message = raw === undefined ? 'it did not run' : raw === true ? '' : raw[1];
      return { test, kind: test.kind ?? 'required', verdict: verdictOf(test, { tests, results }), message };
    });
}

interface Known {
  readonly tests: ReadonlyMap<string, SuiteTest>;
  readonly results: RawResults;
}

function verdictOf(test: SuiteTest, known: Known): Verdict {
  for (const id of test.depends_on ?? []) {
    const needed = known.tests.get(id);
    if (needed === undefined || verdictOf(needed, known) !== 'pass') return 'dependency';
  }
  const raw = known.results[test.id];
  if (raw === true) return 'pass';
  return raw?.[0] === 'Setup' ? 'setup' : 'fail';
}

export interface Score {
  readonly passed: number;
  readonly total: number;
}

export function scoreOf(judged: readonly Judged[], kind: Kind): Score {
  const ofKind = judged.filter((one) => one.kind === kind);
  return { passed: ofKind.filter((one) => one.verdict === 'pass').length, total: ofKind.length };
}
