// Mutants of the ledger: the fill protocol with one rule taken out. The model of the ledger catches each. Values and responses
// both go by the ledger, so the race of the data cache and the simulation of gates catch it too, but for rules that only one
// of them has a use for.

import type { SourceEdit } from '../sim/source-edits.ts';

export interface LedgerMutant {
  readonly name: string;
  /** Cells of the data cache's race that may catch it. Undefined: a rule for responses alone. */
  readonly ways: readonly string[] | undefined;
  /** False: a rule for values alone. */
  readonly isOfGates: boolean;
  readonly edits: readonly SourceEdit[];
}

function mutant(
  name: string,
  who: { readonly ways?: readonly string[]; readonly isOfGates?: boolean; readonly file?: string },
  ...edits: readonly (readonly [find: string, replace: string])[]
): LedgerMutant {
  const { ways, isOfGates = true, file = 'ledger' } = who;
  const inFile = edits.map(([find, replace]) => ({ file: `src/ledger/${file}.ts`, find, replace }));
  return { name, ways, isOfGates, edits: inFile };
}

const KEY = ['key'];
const FOUND = ['tag of the fill'];
/** The race of late tags is to catch it. */
const LATE: readonly string[] = [];

export const LEDGER_MUTANTS: readonly LedgerMutant[] = [
  {
    name: 'stores what was invalidated since, under the stamp of that moment',
    ways: KEY,
    isOfGates: true,
    edits: [
      {
        file: 'src/ledger/ledger.ts',
        find: "if (isFill ? this.isAffected(by, subject) : this.isAffectedSince(by, subject)) return 'invalidated-during-fill';",
        replace: 'if (isFill) Object.assign(by, { stamp: this.stamp(), keyStamp: this.stamp() });',
      },
      {
        file: 'src/engine/http/flight.ts',
        find: 'this.#entry(this.draft);',
        replace: 'this.#entry(this.draft); if (entry) (entry as any).stamp = this.#context.ledger.applied;',
      },
    ],
  },
  mutant('shares with whoever waits', { ways: FOUND }, [
    'return !this.isAffected(fill, subject, isUnheard ? this.applied : arrival.position);',
    'return true;',
  ]),
  mutant('shares what was invalidated before and after somebody came', { isOfGates: false }, [
    '(last <= until || this.#invalidations.mayAffectWithin(subject, position, until));',
    'last <= until;',
  ]),
  mutant(
    'takes what it has forgotten for nothing, where somebody came in between',
    { isOfGates: false, file: 'invalidations' },
    ['if (since < this.#from) return true;', ''],
  ),
  mutant('takes every entry for current', { ways: KEY }, [
    'if (this.lastAffecting(this.#subjectOf(entry), since) > entry.stamp) return false;',
    '',
  ]),
  mutant('compares an entry once and never again', { ways: KEY }, [
    'return entry.checkedUpTo === this.#invalidations.applied ||',
    'return entry.checkedUpTo > 0 ||',
  ]),
  mutant('forgets an invalidation by tag', { ways: ['table'], file: 'invalidations' }, [
    'for (const tag of what.tags) last = Math.max(last, this.#lastOf(TAG, tag));',
    '',
  ]),
  mutant('forgets an invalidation by pattern', { ways: ['pattern'], file: 'invalidations' }, [
    'if (record.matches(what.uri)) last = record.position;',
    '',
  ]),
  mutant('forgets an invalidation of all', { ways: ['all', 'clear'], file: 'invalidations' }, [
    'this.#floor = this.#applied;',
    '',
  ]),
  mutant('forgets the intent of a write', {}, [
    "return this.#intents.isUnderWay(subject.uri) ? 'intent-open' : undefined;",
    'return undefined;',
  ]),
  mutant(
    'takes what is outdated for expired',
    { ways: KEY, isOfGates: false },
    [
      '|| !this.#isAllowed(entry)) return false;\n    return this.#hard.lastAffecting(this.#subjectOf(entry), entry.stamp) <= entry.stamp;',
      '|| !this.#isAllowed(entry)) return false;\n    return true;',
    ],
    ['if (this.#hard === undefined || entry.epoch !== this.#hard.epoch ||', 'if (this.#hard === undefined ||'],
  ),
  mutant('stores what a put has overtaken', { ways: ['set by another'], isOfGates: false }, [
    'for (const fill of this.of(key)) overtake(fill, key);',
    '',
  ]),
  mutant('lets callers wait for what a put has overtaken', { ways: ['set by another'], isOfGates: false }, [
    'fill.isJoinable &&= entryKey !== fill.key;',
    '',
  ]),
  mutant('lets an older fill take the place of a newer one', { isOfGates: false }, [
    'for (const fill of this.of(key)) if (fill.order < order) overtake(fill, entryKey);',
    '',
  ]),
  mutant('judges tags by the stamp of the key', { ways: LATE, isOfGates: false }, [
    "return keyStamp !== stamp && this.isAffectedSince(stamp, { uri: '', origin: '', tags: subject.tags }, until);",
    'return false;',
  ]),
];
