// Work whose outcome several responses show: what it reads is recorded once, and counts for each of them.

import type { RequestScope } from './scope.ts';

/** The scopes that share work: one tracker's. */
export interface Sharing {
  /** The scope of the response that is being made. */
  current(): RequestScope | undefined;
  /** A scope for work of several. */
  open(): RequestScope;
}

export interface SharedWork<T> {
  /** Holds all reads once the outcome has settled. */
  readonly scope: RequestScope;
  readonly outcome: Promise<T>;
}

export interface SharedParts {
  /** For messages. */
  readonly name: string;
  /** A request waits for it that may read what no feed has told yet. */
  readonly isAnew: boolean;
}

/** Scopes of work that such a request waits for: a memo within the work is made anew, too. */
const anew = new WeakSet<RequestScope>();

/** Whether the scope may get no kept value. */
export function readsAnew(scope: RequestScope | undefined): boolean {
  return scope !== undefined && (scope.writes !== 'none' || anew.has(scope));
}

export function openShared(sharing: Sharing, isAnew: boolean): RequestScope {
  const scope = sharing.open();
  if (isAnew) anew.add(scope);
  return scope;
}

export function shareWork<T>(
  sharing: Sharing,
  { name, isAnew }: SharedParts,
  work: () => T | PromiseLike<T>,
): SharedWork<T> {
  const scope = openShared(sharing, isAnew);
  const settle = async () => {
    try {
      return await scope.run(async () => work());
    } finally {
      await closeScope(scope, name);
    }
  };
  return { scope, outcome: settle() };
}

/** Ends the scope's recording. Returns whether its reads may be stored. */
export async function closeScope(scope: RequestScope, name: string): Promise<boolean> {
  await scope.registered();
  const { isStorable } = scope.finish({ route: name });
  scope.end();
  return isStorable;
}

/** Runs work of a response that waits for shared work. */
export async function whileWaiting<T>(scope: RequestScope | undefined, work: () => Promise<T>): Promise<T> {
  const end = scope?.begin();
  try {
    return await work();
  } finally {
    end?.();
  }
}
