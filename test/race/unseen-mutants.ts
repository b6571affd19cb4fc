// Mutants of what keeps unseen reads from being stored: with one rule taken out. Each must be caught by some cell of a race
// of `unseen.ts`.

import type { SourceEdit } from '../sim/source-edits.ts';

export interface UnseenMutant {
  readonly name: string;
  /** Its cells are run; the first one that catches the mutant is enough. */
  readonly race: string;
  readonly edits: readonly SourceEdit[];
}

type Edit = readonly [file: string, find: string, replace: string];

function mutant(name: string, race: string, ...edits: readonly Edit[]): UnseenMutant {
  return { name, race, edits: edits.map(([file, find, replace]) => ({ file: `src/track/${file}`, find, replace })) };
}

const DRIVER = 'a driver that is not wrapped';
const CONTEXT = 'a context that is lost';

export const UNSEEN_MUTANTS: readonly UnseenMutant[] = [
  mutant('stores what shows no read', DRIVER, [
    'scope/scope.ts',
    '!verdict.isRefused && !verdict.isSeen &&',
    'verdict.isRefused && !verdict.isSeen &&',
  ]),
  mutant('takes a statement without a table for a read', DRIVER, [
    'scope/scope.ts',
    "watched === 'source' || watched.template.reads.length > 0",
    "watched === 'source' || watched.template.reads.length >= 0",
  ]),
  mutant('takes what a static handler hands on for static', DRIVER, [
    'scope/middleware.ts',
    'scope?.readsNothing(false);',
    '',
  ]),
  mutant('counts a read in no scope for none', CONTEXT, [
    'wrap/recorder.ts',
    'if (!isShared) return undefined;\n    if (own',
    'if (!isShared || own === undefined) return undefined;\n    if (own',
  ]),
  mutant('counts a read in no scope for those that were open before it', CONTEXT, [
    'scope/scopes.ts',
    'for (const join of this.#underWay) join(scope);',
    '',
  ]),
  mutant('counts a read for its own scope alone, with share: union', CONTEXT, [
    'scope/scopes.ts',
    'this.#isUnion || own',
    'own',
  ]),
  mutant('forgets what a batch of a loader read', CONTEXT, [
    'scope/shared-work.ts',
    '.finally(() => scope?.adopt(work.scope))',
    '.finally(() => scope?.readsNothing())',
  ]),
  mutant('forgets what a memo read', CONTEXT, [
    'scope/shared-work.ts',
    'scope?.adopt(entry.scope);',
    'scope?.readsNothing();',
  ]),
  mutant('keeps a value of a memo that was changed', CONTEXT, [
    'scope/shared-work.ts',
    'scope.renew(before);',
    'void before;',
  ]),
  mutant('forgets what a batch of dataloader read', CONTEXT, [
    'scope/data-loader.ts',
    'else if (origin.begunAt > cameAt) scope.adopt(read);\n    else scope.renew(read);',
    'else scope.readsNothing();',
  ]),
];
