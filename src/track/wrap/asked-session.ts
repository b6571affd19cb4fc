// Facts about the connection that runs a statement, where the connection itself decides what names and values mean.
//
// A connection behind a pooler may be another one with each transaction, so its last answer holds for nothing.

import type { Template } from '../../dependency/template.ts';
import type { Session } from '../../sql/ast.ts';
import { type SessionFacts, sessionFacts } from '../../sql/postgres/session.ts';
import type { Refusal, RegistryClient } from '../follow/registry-client.ts';

/** Facts that hold for one statement of a connection. */
export interface AskedSession {
  /** The session when a connection of the pool was last asked. */
  readonly likely: Session | undefined;
  /** Call it before the statement is sent: the connection is asked, unless its session is known. */
  want?(registry: RegistryClient): void;
  /** Call it once the statement has answered: the session it was run in, or why that is unknown. */
  state(): SessionFacts | Refusal;
  /** The statement may have changed the state. */
  changed?(): void;
}

const POOLER =
  'a connection that is not the one that was begun, as through a pooler, or does not say; connect to the server itself';

export const UNKNOWN_SESSION: Refusal = { kind: 'session-state', what: 'a connection whose session is not known' };

/** `pid`: that of the connection, as the driver was told when it began. */
export function judged(text: string, pid: unknown): SessionFacts | Refusal {
  const facts = sessionFacts(text);
  if (facts.pid !== pid) return { kind: 'session-state', what: POOLER };
  if (facts.isWithin) return { kind: 'transaction' };
  if (facts.problems.length > 0) return { kind: 'session-state', what: facts.problems.join('; ') };
  return facts;
}

/** A statement that has answered, as the connection reads it that ran it; or why nothing can be said of it. */
export function readWithin(
  session: AskedSession,
  text: string,
  follower: Pick<RegistryClient, 'template' | 'catalogue'>,
): { readonly template: Exclude<Template, { kind: 'write' }> } | { readonly refusal: Refusal } {
  const state = session.state();
  if (isRefusal(state)) return { refusal: state };
  const { server } = state;
  if (server === undefined) return { refusal: STANDBY };
  if (server !== follower.catalogue?.data?.server) return { refusal: ELSEWHERE };
  const template = follower.template(text, state.session);
  if (template.kind !== 'tracked') session.changed?.();
  // The path does not decide whether it writes, and it was no write before it was sent.
  return { template: template as Exclude<Template, { kind: 'write' }> };
}

/** Whatever told so: which it was is not kept. */
export const ALTERED: Refusal = {
  kind: 'session-state',
  told:
    'one on a connection whose names may mean something else, by ATTACH, a temporary table, a setting, or a function or ' +
    "collation in the place of the database's own; read on another connection what is to be stored",
};

const STANDBY: Refusal = { kind: 'replica', what: 'a standby, which may be behind; read from the primary' };
const ELSEWHERE: Refusal = { kind: 'other-database', what: 'another database than the one that is followed' };

export function isRefusal(state: SessionFacts | Refusal): state is Refusal {
  return 'kind' in state;
}
