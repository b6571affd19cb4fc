// `begin`, `commit` and `rollback`: as raw SQL, or from the driver's own transaction. Within the work of a transaction Drizzle
// sends its own, and has said so before; one that a program sends there leaves the rest of the work without a transaction.

import type { TextFacts } from '../../../sql/text-facts.ts';
import { followed, type Scope, type Writes } from '../writes/writes.ts';
import { isPromise } from './prepared.ts';

interface Where {
  /** The transaction it is sent in. */
  readonly scope: Scope | undefined;
  readonly writes: Writes;
  /** The driver answers at once. */
  readonly isSync: boolean;
  /** What is committed in vain stays open, and a savepoint may begin a transaction. */
  readonly isSqlite: boolean;
}

export function controlled({ control, chains, savepoint }: TextFacts, where: Where, run: () => unknown): unknown {
  const { scope, writes, isSync, isSqlite } = where;
  const isCommit = control === 'commit';
  const isEnd = isCommit || control === 'rollback';
  if (scope !== undefined) {
    if (isEnd) scope.isOver = true;
    if (!isCommit || scope.isEnding) return run();
    const before = writes.committing(scope);
    const send = isPromise(before) && !isSync ? async () => await before.then(run) : run;
    return followed(send, (failure) => scope.committedByHand(failure));
  }
  if (isEnd) return followed(run, writes.endingByHand({ isCommit, chains, lasts: isSqlite }));
  if (writes.manual === undefined) {
    if (control === 'savepoint') return begun(run, writes, savepoint);
    return control === 'begin' ? begun(run, writes) : run();
  }
  if (control !== 'savepoint' && control !== 'release' && control !== 'return') return run();
  const { savepoints = [] } = writes.manual;
  const at = savepoints.lastIndexOf(savepoint);
  // Where a savepoint has begun the transaction, the release of that one is its commit.
  if (control === 'release' && at === 0)
    return followed(run, writes.endingByHand({ isCommit: true, chains: false, lasts: true }));
  return followed(run, async (failure) => {
    if (failure !== undefined || savepoints.length === 0) return;
    if (control === 'savepoint') savepoints.push(savepoint);
    else if (at >= 0) savepoints.splice(control === 'release' ? at : at + 1);
  });
}

/** Counted as begun before it is: a read meanwhile is not stored. */
function begun(run: () => unknown, writes: Writes, savepoint?: string): unknown {
  writes.beginByHand(savepoint);
  const failed = (error: unknown): never => {
    void writes.endingByHand({ isCommit: false, chains: false, lasts: false })();
    throw error;
  };
  try {
    const result = run();
    return isPromise(result) ? result.catch(failed) : result;
  } catch (error) {
    return failed(error);
  }
}
