// Reads: whether one goes through the cache, and under which names it is stored there.

import { MAX_TAGS } from '../../../cache/keys/tags.ts';
import { mayMove } from '../../../dependency/condition/cells.ts';
import type { Dialect } from '../../../dependency/template.ts';
import { type Catalog, nameOf } from '../catalogue/catalogue.ts';
import type { Routines } from '../catalogue/functions.ts';
import type { Rows, RowTerms } from '../catalogue/rows.ts';
import type { KnownText } from '../catalogue/texts.ts';
import type { PassReason, ReadOptions, SoundOptions } from '../options.ts';
import type { Settings } from '../scope.ts';
import type { DriverCall, Plan } from '../session/prepared.ts';
import type { Scope, Writes } from '../writes/writes.ts';
import { cachedRead, type ReadContext } from './cached-read.ts';
import { type Asked, askedOf, type Told } from './read-terms.ts';

interface ReadsParts {
  readonly context: ReadContext;
  readonly writes: Writes;
  readonly catalog: Catalog;
  /** The functions of the database; undefined: it is not PostgreSQL. */
  readonly routines: Routines | undefined;
  readonly rows: Rows;
  readonly settings: Settings;
  readonly options: SoundOptions;
  readonly dialect: Dialect;
}

/** A query that one of its methods is about to send. */
export interface Query {
  readonly text: KnownText;
  readonly told: Told;
  readonly method: string;
  readonly isSync: boolean;
  readonly isCacheable: boolean;
}

interface Terms extends RowTerms, Pick<Asked, 'tags' | 'ttl'> {
  /** With these its answer may depend on the time. */
  readonly isMoved: (params: readonly unknown[]) => boolean;
}

export class Reads {
  readonly #parts: ReadsParts;

  constructor(parts: ReadsParts) {
    this.#parts = parts;
  }

  /** `scope`: the transaction that it is sent in, now. `handle`: of `$cached`. */
  plan(query: Query, scope: () => Scope | undefined, handle: ReadOptions | undefined): Plan {
    const terms = this.#termsOf(query, scope(), handle);
    if (typeof terms === 'string') {
      this.#parts.context.tally.pass(terms);
      return {};
    }
    const call = this.#callOf(query, terms);
    const { routines } = this.#parts;
    if (terms.byHand.length > 0 || routines?.isKnown !== false) return { call };
    // Much may be another by then.
    const again: DriverCall = (...given) => this.plan(query, scope, handle).call?.(...given) ?? given[2]();
    return {
      call: (...given) =>
        routines.whenKnown(
          () => again(...given),
          (error) => this.#failed(error, given[2]),
        ),
    };
  }

  #failed(error: unknown, run: () => unknown): unknown {
    const { tally } = this.#parts.context;
    tally.fault(error);
    tally.pass('fault');
    return run();
  }

  #termsOf(query: Query, scope: Scope | undefined, handle: ReadOptions | undefined): Terms | PassReason {
    const { options, catalog, context, writes, routines, settings, dialect } = this.#parts;
    const { facts, isLearned } = query.text;
    const found = context.tally.safely(() => askedOf(query.told, handle, options));
    if (!found.ok) return 'fault';
    const asked = found.value;
    if (asked === undefined) return 'not asked';
    if (writes.hidesReads(scope)) return 'transaction';
    if (settings.isAltered) return 'session settings';
    if (facts.locks) return 'locks';
    const isAnyTime = asked.isExplicit && !asked.isRaw;
    if (facts.isVolatile && !isAnyTime) return 'volatile';
    if (!query.isCacheable) return 'driver';
    const byHand = asked.tables.map(nameOf);
    const names = catalog.namesRead(facts, byHand);
    if (names === undefined || isLearned === false || names.length > MAX_TAGS) return 'unknown tables';
    if (byHand.length === 0 && routines?.isKnown === true && routines.mayRun(facts)) return 'unknown tables';
    const isMoved = (params: readonly unknown[]) => !isAnyTime && dialect === 'postgres' && params.some(mayMove);
    return { names: asked.isTracked ? names : [], byHand, tags: asked.tags, ttl: asked.ttl, isMoved };
  }

  #callOf({ text, told, method, isSync }: Query, terms: Terms): DriverCall {
    const { context, rows } = this.#parts;
    const { isMapped } = told;
    return (part, params, run) => {
      if (terms.isMoved(params)) {
        context.tally.pass('volatile');
        return run();
      }
      return rows.whenKnown(() => {
        const request = { sql: text.sql, params, form: `${method} ${part} ${isMapped}`, isMapped, isSync };
        return cachedRead(context, { ...request, ...terms, ...rows.reading({ text, params }, terms) }, run);
      });
    };
  }
}
