// Work whose outcome several responses show: what it reads is recorded once, and counts for each of them.

import type { RequestScope } from './scope.ts';

/** Those whose responses share work: one tracker's. */
export interface Sharing {
  /** The scope of the response that is being made. */
  current(): RequestScope | undefined;
  /** A scope for work of several. */
  open(): RequestScope;
}

export interface SharedWork<T> {
  /** All that was read is in it once the outcome has settled. */
  readonly scope: RequestScope;
  readonly outcome: Promise<T>;
}

/** `name`: for messages. */
export function shareWork<T>(sharing: Sharing, name: string, work: () => T | PromiseLike<T>): SharedWork<T> {
  const scope = sharing.open();
  const settle = async () => {
    try {
      return await scope.run(async () => work());
    } finally {
      await closeScope(scope, name);
    }
  };
  return { scope, outcome: settle() };
}

/** Nothing more is recorded in it. Gives whether what it has recorded may be stored. */
export async function closeScope(scope: RequestScope, name: string): Promise<boolean> {
  await scope.registered();
  const { isStorable } = scope.finish({ route: name });
  scope.end();
  return isStorable;
}

/** Runs work of a response that waits for what others share. */
export async function whileWaiting<T>(scope: RequestScope | undefined, work: () => Promise<T>): Promise<T> {
  const end = scope?.begin();
  try {
    return await work();
  } finally {
    end?.();
  }
}
