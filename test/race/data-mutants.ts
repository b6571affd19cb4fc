// Mutants of the data cache: the engine with one rule taken out. Each must be caught by some cell of the matrix, or by the
// model.
//
// Not among them: joining a fill without asking whether it may be joined. Whoever did so is sent away at its end, so it
// costs them time and shows them nothing old.

import { LEDGER_MUTANTS } from '../ledger/mutants.ts';
import type { SourceEdit } from '../sim/source-edits.ts';

export interface DataMutant {
  readonly name: string;
  /** Cells of these ways alone are run; the first of them that catches it is enough. */
  readonly ways: readonly string[];
  readonly edits: readonly SourceEdit[];
}

function mutant(
  name: string,
  where: { readonly file: string; readonly ways: readonly string[] },
  ...edits: readonly (readonly [find: string, replace: string])[]
): DataMutant {
  const { file, ways } = where;
  return { name, ways, edits: edits.map(([find, replace]) => ({ file: `src/${file}`, find, replace })) };
}

const CACHE = 'engine/values/value-cache.ts';
const FILLS = 'engine/values/value-fills.ts';
const CONTEXT = 'engine/values/value-context.ts';
const STORING = 'engine/values/value-storing.ts';
const FLIGHT = 'engine/values/value-flight.ts';
const LOOP = 'engine/tiers/tier-loop.ts';
const KEY = ['key'];
const FOUND = ['tag of the fill'];
const SOFT = ['expire'];
/** The race of late tags is to catch it. */
const LATE: readonly string[] = [];

export const DATA_MUTANTS: readonly DataMutant[] = [
  ...LEDGER_MUTANTS.flatMap(({ name, ways, edits }) => (ways === undefined ? [] : [{ name, ways, edits }])),
  mutant('shares by the tags known before', { file: FILLS, ways: FOUND }, [
    "const tags = flight.joinedTo(landing.kind === 'filled' ? landing.terms.tags : flight.terms.tags);",
    'const { tags } = flight.plan.terms;',
  ]),
  mutant('stores with the tags known before', { file: FLIGHT, ways: FOUND }, [
    'this.terms = { ...this.terms, ...terms };',
    'this.terms = { ...this.terms, ...terms, tags: this.terms.tags };',
  ]),
  mutant('builds on what is outdated', { file: CONTEXT, ways: KEY }, [
    'entry !== undefined && (ledger.isCurrent(entry) || ledger.isExpired(entry));',
    'entry !== undefined;',
  ]),
  mutant('takes what is expired for fresh', { file: CONTEXT, ways: SOFT }, [
    'if (!this.ledger.isCurrent(entry)) return false;',
    'if (!this.ledger.isCurrent(entry) && !this.ledger.isExpired(entry)) return false;',
  ]),
  mutant('takes what is outdated for fresh', { file: CONTEXT, ways: KEY }, [
    'if (!this.ledger.isCurrent(entry)) return false;',
    '',
  ]),
  mutant('promotes what is outdated', { file: LOOP, ways: KEY }, [
    'while (found === undefined || !this.#isBetter(found, outdated)) {',
    'while (found === undefined) {',
  ]),
  mutant('does not look at the stamp of a set', { file: STORING, ways: KEY }, [
    'const begun = stamp ?? ledger.arrive();',
    'const begun = ledger.arrive(); void stamp;',
  ]),
  mutant('deletes without an invalidation', { file: CACHE, ways: ['delete'] }, [
    "keys.flatMap((uri): Selector[] => [{ kind: 'url', uri }, ...also(uri)]);",
    'keys.flatMap((): Selector[] => []);',
  ]),
  ...(['url', 'tag', 'prefix', 'pattern'] as const).map((kind) =>
    mutant(
      `forgets an invalidation by ${kind}`,
      { file: CACHE, ways: [{ url: 'key', tag: 'table', prefix: 'namespace', pattern: 'pattern' }[kind]] },
      ['const appended = selectors.map(', `const appended = selectors.filter((one) => one.kind !== '${kind}').map(`],
    ),
  ),
  mutant('does not wait for the log', { file: CACHE, ways: KEY }, [
    'await this.#context.underWay.track(Promise.all(appended));',
    'void appended;',
  ]),
  mutant('does not look at the tags of whoever hits', { file: STORING, ways: LATE }, [
    'if (late.length === 0) return entry;',
    'return entry;',
  ]),
  mutant('does not look at the tags of a plain hit', { file: CACHE, ways: LATE }, [
    'if (tags !== undefined && !hasTags(entry.tags, tags)) return undefined;',
    '',
  ]),
  mutant('gives an entry by a late tag and does not keep the tag', { file: STORING, ways: LATE }, [
    'context.keep(better, true);\n  return better;',
    'return better;',
  ]),
  mutant('takes a late tag that was invalidated since', { file: STORING, ways: LATE }, [
    'if (!mayTake || better.tags.length > MAX_TAGS) return undefined;',
    'better.stamp = better.checkedUpTo = ledger.applied;',
  ]),
  mutant('does not supersede what lacks a late tag below', { file: STORING, ways: LATE }, [
    'const superseded = invalidator.supersede(key);\n    const position = before + 1;',
    'const superseded = before + 1;\n    const position = before;',
  ]),
  mutant('judges a late tag by a stamp that has moved', { file: STORING, ways: LATE }, [
    'if (readAt !== stamp && ledger.isAffectedSince(since, what)) return undefined;',
    '',
  ]),
  mutant('stores what was read as if it were read when it takes its place', { file: STORING, ways: LATE }, [
    'readAt: flight.fill.stamp.position };',
    'readAt: flight.fill.keyStamp.position };',
  ]),
  mutant(
    'gives in grace without the tags of whoever is given it',
    { file: 'engine/values/value-grace.ts', ways: LATE },
    ['return after(taken(this.#context, entry, asked), ', 'void asked;\n    return after(entry, '],
  ),
];
