// `begin`, `commit` and `rollback`: as raw SQL, or from the driver's own transaction. Within the work of a transaction Drizzle
// sends its own, and has said so before; one that a program sends there leaves the rest of the work without a transaction.

import type { Control, TextFacts } from '../../../sql/text-facts.ts';
import { followed, type Scope, type Writes } from '../writes/writes.ts';
import { isPromise } from './prepared.ts';

export interface Where {
  /** The transaction it is sent in. */
  readonly scope: Scope | undefined;
  readonly writes: Writes;
  /** The driver answers at once. */
  readonly isSync: boolean;
  /** What is committed in vain stays open, and a savepoint may begin a transaction. */
  readonly isSqlite: boolean;
}

export function controlled({ control, chains, savepoint }: TextFacts, where: Where, run: () => unknown): unknown {
  const { scope, writes, isSqlite } = where;
  if (control === 'other' || control === undefined) return run();
  if (scope !== undefined) return within(scope, control, { ...where, run });
  if (control === 'begin') return writes.manual === undefined ? begun(run, writes) : run();
  if (control === 'commit' || control === 'rollback')
    return followed(run, writes.endingByHand({ isCommit: control === 'commit', chains, lasts: isSqlite }));
  if (writes.manual === undefined) return control === 'savepoint' ? begun(run, writes, savepoint) : run();
  return saved({ control, savepoint, open: writes.manual.savepoints ?? [] }, writes, run);
}

interface Saved {
  readonly control: Control;
  readonly savepoint: string;
  readonly open: string[];
}

/** Within a transaction begun by hand. Where a savepoint has begun it, the release of that one is its commit. */
function saved({ control, savepoint, open }: Saved, writes: Writes, run: () => unknown): unknown {
  const at = open.lastIndexOf(savepoint);
  if (control === 'release' && at === 0)
    return followed(run, writes.endingByHand({ isCommit: true, chains: false, lasts: true }));
  return followed(run, async (failure) => {
    if (failure !== undefined || open.length === 0) return;
    if (control === 'savepoint') open.push(savepoint);
    else if (at >= 0) open.splice(control === 'release' ? at : at + 1);
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

function within(scope: Scope, control: Control, { writes, isSync, run }: Where & { run: () => unknown }): unknown {
  if (control !== 'commit' && control !== 'rollback') return run();
  const isOfDrizzle = control === 'rollback' || scope.isEnding;
  scope.isOver = true;
  if (isOfDrizzle) return run();
  const before = writes.committing(scope);
  const send = isPromise(before) && !isSync ? async () => await before.then(run) : run;
  return followed(send, (failure) => scope.committedByHand(failure));
}
