// `begin`, `commit` and `rollback`: as raw SQL, or from the driver's own transaction.
//
// The one complication: who sends them. Within the work of a transaction Drizzle sends its own, and has said so before; one
// that is sent there by hand leaves the rest of the work without a transaction.

import type { Control, Statement } from './sound-draft.ts';
import { isPromise } from './sound-reads.ts';
import { followed, type Scope, type Writes } from './sound-writes.ts';

export interface Where {
  /** The transaction it is sent in. */
  readonly scope: Scope | undefined;
  readonly writes: Writes;
  /** The driver answers at once. */
  readonly isSync: boolean;
}

export function controlled({ control, chains }: Statement, where: Where, run: () => unknown): unknown {
  const { scope, writes } = where;
  if (control === 'other' || control === undefined) return run();
  if (scope !== undefined) return within(scope, control, { ...where, run });
  if (control === 'begin') return writes.manual === undefined ? begun(run, writes) : run();
  return followed(run, writes.endingByHand({ isCommit: control === 'commit', chains }));
}

/** Counted as begun before it is: a read meanwhile is not stored. */
function begun(run: () => unknown, writes: Writes): unknown {
  writes.beginByHand();
  const failed = (error: unknown): never => {
    void writes.endingByHand({ isCommit: false, chains: false })();
    throw error;
  };
  try {
    const result = run();
    return isPromise(result) ? result.catch(failed) : result;
  } catch (error) {
    return failed(error);
  }
}

function within(scope: Scope, control: Control, { writes, isSync, run }: Where & { run: () => unknown }): unknown {
  if (control === 'begin') return run();
  const isOfDrizzle = control === 'rollback' || scope.isEnding;
  scope.isOver = true;
  if (isOfDrizzle) return run();
  const before = writes.committing(scope);
  const send = isPromise(before) && !isSync ? async () => await before.then(run) : run;
  return followed(send, (failure) => scope.committedByHand(failure));
}
