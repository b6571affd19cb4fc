// Records one statement of a wrapped driver: what it reads, before and after it is run.
//
// Nothing here may fail the statement, or be in doubt about it. In doubt the response is not stored.

import { neededOutputs } from '../../dependency/bind.ts';
import { moves } from '../../dependency/condition/cells.ts';
import type { Template, Uncacheable } from '../../dependency/template.ts';
import { messageOf } from '../../errors.ts';
import type { Mark, ReadRefusal, RegistryClient } from '../follow/registry-client.ts';
import type { RequestScope } from '../scope/scope.ts';
import type { Place, Scopes, StatementRecording } from '../scope/scopes.ts';
import { queryTag } from '../tags.ts';
import type { Tally } from '../tally.ts';
import { type AskedSession, isRefusal } from './postgres-connection.ts';
import { isControl, mayAlter, positional, type StatementArguments, statementRead } from './statements.ts';

type Tracked = Extract<Template, { kind: 'tracked' }>;

/** Facts about the connection that a statement is run on. */
export interface Connection {
  /** Whether statements see the state that an earlier one saw, or uncommitted changes. */
  readonly isTransaction: () => boolean;
  /** Names may mean something else in it, since a statement said so: a temporary table, a search path. */
  isAltered: boolean;
  /** It does not notice a transaction that is begun by a statement. */
  readonly isBlind?: boolean;
  /** Set where the connection itself says what names mean to it. */
  readonly session?: AskedSession;
  /** `server` is the catalogue's. Returns undefined when an answered statement ran on the database that is followed. */
  readonly elsewhere?: (server: string | undefined) => ReadRefusal | undefined;
  /** Its driver ends texts at their first zero character. Known once a statement has answered. */
  readonly cutsTexts?: boolean;
}

export interface RecorderParts {
  readonly scopes: Scopes<RequestScope>;
  /** Undefined when nothing can be recorded yet. */
  readonly registry: () => RegistryClient | undefined;
  readonly tally: Tally;
  readonly onFault: (error: unknown) => void;
}

const MAX_TEXT = 80;
/** Whatever told so: which it was is not kept. */
const ALTERED: ReadRefusal = {
  kind: 'session-state',
  told:
    'one on a connection whose names may mean something else, by ATTACH, a temporary table, a setting, or a function or ' +
    "collation in the place of the database's own; read on another connection what is to be stored",
};
const STANDBY: ReadRefusal = { kind: 'replica', what: 'a standby, which may be behind; read from the primary' };
const ELSEWHERE: ReadRefusal = { kind: 'other-database', what: 'another database than the one that is followed' };
const MEND = 'It may call any function: write it, or the view, in a form that is read';

export class Recorder {
  readonly #parts: RecorderParts;
  /** The scope where there is no AsyncLocalStorage. */
  readonly #fixed: RequestScope | undefined;

  constructor(parts: RecorderParts, fixed?: RequestScope) {
    this.#parts = parts;
    this.#fixed = fixed;
  }

  get scope(): RequestScope | undefined {
    return this.#place.own;
  }

  /** Returns undefined when there is nothing to record. */
  begin(text: unknown, given: StatementArguments, connection: Connection): StatementRecording | undefined {
    if (typeof text === 'string' && connection.session === undefined && mayAlter(text, connection.isBlind))
      connection.isAltered = true;
    const { own, isShared } = this.#place;
    if (own !== undefined && !isShared) return this.#guarded({ scope: own, isOwn: true, text, given, connection });
    if (own === undefined) this.#parts.tally.outside++;
    if (!isShared) return undefined;
    if (own === undefined) this.#lost(text);
    const started = given.started ?? this.start();
    return this.#parts.scopes.share((scope) =>
      this.#guarded({ scope, isOwn: scope === own, text, given: { ...given, started }, connection }),
    );
  }

  /** Call it before running a statement whose text is known only afterwards. */
  start(): NonNullable<StatementArguments['started']> {
    const { own, isShared } = this.#place;
    const registry = own === undefined && isShared ? this.#parts.registry() : own?.registry;
    return { mark: registry?.mark() };
  }

  /** A statement begins whose text is known only afterwards. Call the returned function once it has been recorded. */
  await(): () => void {
    const ends: (() => void)[] = [];
    this.#visit((scope) => ends.push(scope.begin()));
    return () => {
      for (const end of ends) end();
    };
  }

  /** Notes a call that may run any statement. */
  call(name: string): void {
    const { own, isShared } = this.#place;
    if (own === undefined && isShared) this.#lost(name);
    this.#visit((scope) => {
      scope.wrote(scope === own);
      scope.untracked('unknown-call', name);
    });
  }

  get #place(): Place<RequestScope> {
    return this.#parts.scopes.place(this.#fixed);
  }

  /** Visits each scope for which a statement counts that is run now. */
  #visit(visit: (scope: RequestScope) => void): void {
    const { own, isShared } = this.#place;
    if (isShared) this.#parts.scopes.each(visit);
    else if (own !== undefined) visit(own);
  }

  /** Notes a statement in no scope, while responses are made. */
  #lost(text: unknown): void {
    const { scopes, tally } = this.#parts;
    if (!scopes.isAnyOpen) return;
    const shown = typeof text === 'string' ? shortened(text) : 'one without a text';
    const got = `got one in none while responses are made, which counts for all of them: ${shown}`;
    const mend =
      'Where its asynchronous context is lost, bring it along (AsyncResource.bind), or share by tracker.loader and ' +
      'tracker.memo. Run what no response shows in tracker.outside';
    tally.tell('outside', `expected statements in the scope of the request that they are for, ${got}. ${mend}`);
  }

  #guarded(begun: Begun): StatementRecording | undefined {
    const { scope, text } = begun;
    try {
      if (typeof text === 'string') return this.#begin({ ...begun, text });
      scope.wrote(begun.isOwn);
      scope.untracked('unknown-call', 'a statement without a text');
      return undefined;
    } catch (error) {
      return this.#fault(scope, error);
    }
  }

  #fault(scope: RequestScope, error: unknown): undefined {
    scope.untracked('error', messageOf(error));
    this.#parts.onFault(error);
    return undefined;
  }

  #begin({ scope, isOwn, text, given, connection }: Begun & { readonly text: string }): StatementRecording | undefined {
    const { tally } = this.#parts;
    const { registry } = scope;
    if (isControl(text)) return undefined;
    const { mark } = given.started ?? this.start();
    if (registry === undefined || mark === undefined) {
      scope.wrote(isOwn);
      scope.untracked('not-live');
      return undefined;
    }
    const { session } = connection;
    // Whether it writes is the same by any path.
    const template = registry.template(text, session?.likely);
    if (template.kind === 'write') {
      tally.writes++;
      scope.wrote(isOwn);
      const done = () => registry.wake();
      return { done, failed: done };
    }
    // A statement's dependencies by one path say nothing about another path.
    if (template.kind === 'uncacheable' && (session === undefined || session.likely !== undefined)) {
      this.#refuse(scope, template);
      return undefined;
    }
    tally.reads++;
    session?.want?.(registry);
    const read = template.kind === 'uncacheable' ? undefined : template;
    return this.#read(read, { scope, isOwn, registry, text, given, connection, mark });
  }

  /** `template` is undefined when the connection alone can tell. */
  #read(template: Tracked | undefined, begun: Read): StatementRecording | undefined {
    const { scope, registry, given, connection } = begun;
    if (connection.isAltered) this.#decline(scope, ALTERED);
    else if (connection.isTransaction()) scope.untracked('transaction');
    else if (scope.writes === 'unsettled') scope.untracked('after-write');
    else {
      const outputs = template && neededOutputs(template);
      // Nothing may throw between this and the return: the scope waits for the end.
      const end = scope.begin();
      const finish = (rows: readonly unknown[] | undefined, isWhole: boolean) => {
        const refusal = connection.elsewhere?.(registry.catalogue?.data?.server);
        if (refusal !== undefined) return this.#decline(scope, refusal);
        const read = connection.session === undefined ? template : this.#within(connection.session, begun);
        if (read === undefined) return;
        if (moves(read.times, given.list)) return scope.untracked('uncacheable', 'a time that moves');
        // The first row may be all there is.
        const isOne = read.reads.some(({ window }) => window?.limit?.kind === 'value' && window.limit.value === 1);
        const known = isWhole || isOne || rows?.length === 0 ? rows : undefined;
        const parameters = registry.dialect === 'sqlite' ? positional(read, given, registry.parser) : given.list;
        const run = { parameters, rows: known, cutsTexts: connection.cutsTexts };
        scope.register(queryTag(read.id, parameters), statementRead(read, run), begun.mark);
      };
      const done = (rows: readonly unknown[] | undefined, isWhole = true) => {
        try {
          finish(rows, isWhole);
        } catch (error) {
          this.#fault(scope, error);
        }
        end();
      };
      return { done, failed: () => done(undefined), outputs };
    }
    return undefined;
  }

  /** Reads the statement as the connection that ran it does. Returns undefined when nothing can be registered. */
  #within(session: AskedSession, { scope, registry, text }: Read): Tracked | undefined {
    const state = session.state();
    if (isRefusal(state)) return this.#decline(scope, state);
    const { server } = state;
    if (server === undefined) return this.#decline(scope, STANDBY);
    if (server !== registry.catalogue?.data?.server) return this.#decline(scope, ELSEWHERE);
    const template = registry.template(text, state.session);
    if (template.kind !== 'tracked') session.changed?.();
    // The path does not decide whether it writes, and it was no write before it was sent.
    if (template.kind !== 'uncacheable') return template as Tracked;
    this.#refuse(scope, template);
    return undefined;
  }

  /** A function in it may have written. */
  #refuse(scope: RequestScope, { reason, unknown, text }: Uncacheable): void {
    scope.wrote(false);
    if (unknown === 'table')
      return scope.untracked('uncovered-table', `${reason}, which is not in the database that is followed`);
    scope.untracked('uncacheable', reason, unknown !== undefined);
    if (unknown === undefined) return;
    const got = `got ${reason}, so that no response with it is stored: ${shortened(text)}`;
    const what = `expected statements, views and columns that are known, ${got}. ${MEND}`;
    this.#parts.tally.tell(`unread ${text}`, what);
  }

  #decline(scope: RequestScope, { kind, what, told = what }: ReadRefusal): undefined {
    scope.untracked(kind, what);
    if (told === undefined) return;
    this.#parts.tally.tell(`${kind} ${told}`, `expected a read that can be tracked, got ${told}`);
  }
}

interface Begun {
  readonly scope: RequestScope;
  /** The statement is run in it; else it counts for the scope all the same. */
  readonly isOwn: boolean;
  readonly text: unknown;
  readonly given: StatementArguments;
  readonly connection: Connection;
}

interface Read extends Begun {
  readonly registry: RegistryClient;
  readonly text: string;
  readonly mark: Mark;
}

function shortened(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, MAX_TEXT);
}
