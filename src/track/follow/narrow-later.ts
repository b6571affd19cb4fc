// Narrows a statement's registration by the look-ups for its joins, once their answers have come.

import { bindInstance } from '../../dependency/bind.ts';
import type { ResultRows } from '../../dependency/condition/bind-predicate.ts';
import type { Instance } from '../../dependency/template.ts';
import type { Side } from './follow-contract.ts';

interface Wide {
  readonly tag: string;
  readonly watched: Instance;
  readonly parameters: readonly unknown[];
  readonly result: ResultRows;
}

/** Nobody waits for look-ups on another connection. */
export async function narrowLater(
  { follower, lookUpLater }: Side,
  { tag, watched, parameters, result }: Wide,
): Promise<void> {
  const { template } = watched;
  if (template.lookups === undefined || lookUpLater === undefined) return;
  // Now: a change may make it outdated, and then the same be registered again, before the look-up has come.
  const registration = follower.registrationOf?.(tag, watched);
  if (registration === undefined) return;
  const lookups = await lookUpLater(template.lookups, parameters);
  if (lookups?.some((one) => one !== undefined)) {
    follower.narrow?.(registration, bindInstance(template, parameters, { ...result, lookups }));
  }
}
