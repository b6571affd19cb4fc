// The changes that are raced: who writes, of how many tables, how it ends, and how the word of it gets to the caches; each in
// steps.
//
// A change is acknowledged when `settled()` resolves that was called after it, when
// the answer to the write comes, and when the target's word is back; whoever asks from any of these on must see it.

import { type TableName, updateTo } from './track-shop.ts';
import { Stops, settle } from './track-steps.ts';
import type { TrackWorld } from './track-world.ts';

/** How the word gets to the caches. */
export type Way =
  /** Once. */
  | 'once'
  /** The answer is lost, so it comes twice. */
  | 'twice'
  /** A look of the feed that began before the commit ends after it, having seen nothing. */
  | 'after an empty look'
  /** While a message without a word of it is under way. */
  | 'behind another'
  /** Once; and what is written lies there for a while before it is committed. */
  | 'slowly';

export type Writer = 'outside' | 'Drizzle' | 'shared connection';

/** What is raced against a fill. */
export interface Raced<W = TrackWorld> {
  readonly name: string;
  readonly steps: readonly string[];
  /** What goes from version 1 to 2; undefined: all that the fill reads. */
  readonly tables: readonly TableName[] | undefined;
  readonly begin: (world: W, id: number) => Course;
}

/** One change under way. */
export interface Course {
  /** By whom it was acknowledged so far. */
  readonly acknowledged: readonly string[];
  /** The version that is committed. */
  readonly version: number;
  /** Messages lie at the targets until they are delivered by a step. */
  readonly isHeld: boolean;
  /** Whoever fills may be gone. */
  readonly mayFail?: boolean;
  /** A body that reads late may be broken off, since nobody can be told of it. */
  readonly breaksOff?: boolean;
  step(name: string): Promise<void>;
  /** Another write, to version 3, of which all are told; undefined: an ordinary one. */
  again?(): Promise<void>;
  /** Once all steps are done: what is missing. */
  problems(): readonly string[];
}

interface Terms {
  readonly by: Writer;
  readonly tables: readonly TableName[];
  readonly rollsBack: boolean;
  readonly way: Way;
  readonly hasWritten: boolean;
}

export type ChangeKind = Raced & Terms & { readonly tables: readonly TableName[] };

function change(by: Writer, rest: Partial<Terms>): ChangeKind {
  const { tables = ['items'], rollsBack = false, way = 'once' } = rest;
  // What is not committed shows to nobody but those on the connection; so it is a step of its own for some alone.
  const begins = by === 'outside' ? (rollsBack || way === 'slowly' ? ['written'] : []) : ['begun', 'written'];
  const ends = rollsBack ? ['rolled back', 'looked'] : ['committed', 'told', 'delivered', 'acknowledged'];
  const name = [by, ...(tables.length > 1 ? ['two tables'] : []), rollsBack ? 'rolled back' : way].join(', ');
  const terms: Terms = { by, tables, rollsBack, way, hasWritten: begins.length > 0 };
  return { ...terms, name, steps: [...begins, ...ends], begin: (world, id) => new ChangeCourse(world, terms, id) };
}

const TWO: readonly TableName[] = ['items', 'notes'];

export const CHANGE_KINDS: readonly ChangeKind[] = [
  change('outside', {}),
  change('outside', { way: 'twice' }),
  change('outside', { way: 'after an empty look' }),
  change('outside', { way: 'behind another' }),
  change('outside', { way: 'slowly' }),
  change('outside', { tables: TWO }),
  change('outside', { rollsBack: true }),
  change('Drizzle', {}),
  change('Drizzle', { tables: TWO, rollsBack: true }),
  change('shared connection', {}),
  change('shared connection', { tables: TWO }),
  change('shared connection', { rollsBack: true, tables: TWO }),
];

class ChangeCourse implements Course {
  readonly isHeld = true;
  readonly acknowledged: string[] = [];
  version = 1;
  #answer: Response | undefined;
  readonly #world: TrackWorld;
  readonly #kind: Terms;
  readonly #id: number;
  readonly #stops = new Stops();

  constructor(world: TrackWorld, kind: Terms, id: number) {
    this.#world = world;
    this.#kind = kind;
    this.#id = id;
  }

  async step(name: string): Promise<void> {
    await this.#steps[name]?.();
  }

  problems(): string[] {
    const isSettled = !this.#world.isTracked || this.acknowledged.includes('settled()');
    const isAnswered = this.#kind.by === 'outside' || this.#answer !== undefined;
    return [...(isSettled ? [] : ['it is never settled']), ...(isAnswered ? [] : ['the write has no answer'])];
  }

  readonly #steps: Readonly<Record<string, () => Promise<void> | void>> = {
    begun: () => {
      const { application } = this.#world;
      const { tables, rollsBack, by } = this.#kind;
      const how = { tables, rollsBack, stops: this.#stops };
      const shared = by === 'shared connection';
      const answer = shared ? application.writeShared(this.#id, how) : application.write(this.#id, how);
      if (!shared) this.#stops.go();
      answer.then(
        (response) => {
          this.#answer = response;
          if (!response.headers.has('Tidegate-Settled')) this.acknowledged.push('the answer to the write');
        },
        (error: unknown) => this.#world.faults.push(error),
      );
    },
    written: () => this.#write(),
    committed: () => this.#end(true),
    'rolled back': () => this.#end(false),
    told: () => this.#look(),
    looked: () => this.#look(),
    delivered: () => this.#deliver(),
    acknowledged: () => this.#acknowledge(),
  };

  async #write(): Promise<void> {
    if (this.#kind.by !== 'outside') this.#stops.go();
    else {
      const { outside } = this.#world.shop;
      outside.exec('BEGIN IMMEDIATE');
      for (const table of this.#kind.tables) outside.exec(`UPDATE ${table} SET version = 2 WHERE id = ${this.#id}`);
    }
    await this.#invalidateBy('tag, before the commit');
  }

  async #end(isCommit: boolean): Promise<void> {
    if (!this.#kind.hasWritten) await this.#write();
    const { feed, time, shapes, isTracked, shop } = this.#world;
    const { way, by, tables } = this.#kind;
    const tell = isTracked && way === 'after an empty look' ? feed.look() : undefined;
    if (tell !== undefined) time.advance(1);
    if (by === 'outside') shop.outside.exec(isCommit ? 'COMMIT' : 'ROLLBACK');
    else this.#stops.go();
    await settle();
    if (isCommit) this.version = 2;
    if (isCommit) feed.commit(tables.map((name) => updateTo(2, shapes[name], this.#id)));
    if (isCommit) await this.#invalidateBy('tag, after the commit');
    if (isTracked) this.#settled();
    await settle();
    await tell?.();
  }

  #settled(): void {
    const { tracker, faults } = this.#world;
    tracker.settled().then(
      () => this.acknowledged.push('settled()'),
      (error: unknown) => faults.push(error),
    );
  }

  async #look(): Promise<void> {
    const { feed, isTracked } = this.#world;
    if (!isTracked) return;
    if (this.#kind.way === 'behind another') await this.#sendAnother();
    await feed.look()();
  }

  /** A message of other tags. */
  async #sendAnother(): Promise<void> {
    const { tracker, targets, shop, feed, shapes } = this.#world;
    const id = -this.#id;
    const scope = tracker.openScope();
    scope.run(() => tracker.wrap(shop.shared).prepare('SELECT version FROM notes WHERE id = ?').get(id));
    feed.commit([{ kind: 'insert', table: shapes.notes, new: [id, 1] }]);
    await feed.look()();
    await settle();
    if (targets.some(({ lying }) => lying === undefined))
      this.#world.faults.push(new Error('expected another message'));
  }

  /** All that lies there but its last answer. */
  async #deliver(): Promise<void> {
    const { targets, tracker, isTracked } = this.#world;
    if (!isTracked) return;
    for (const [at, target] of targets.entries()) {
      await target.apply();
      for (let round = 0; round < 5 && (tracker.status().targets[at]?.waiting ?? 0) > 0; round++) {
        target.reply();
        await settle();
        await target.apply();
      }
      if (this.#kind.way === 'twice') {
        target.lose();
        await this.#world.pass(60);
        await target.apply();
      }
    }
  }

  async #acknowledge(): Promise<void> {
    for (const target of this.#world.targets) target.reply();
    await settle();
    // By the feed and the targets: nothing of the change is on its way.
    this.acknowledged.push('the targets');
  }

  async #invalidateBy(strategy: string): Promise<void> {
    const { gate, cache } = this.#world;
    if (this.#world.strategy !== strategy || this.#kind.by === 'outside') return;
    await gate.invalidate({ kind: 'tag', tag: `row-${this.#id}` });
    await cache.invalidate({ tags: [`row-${this.#id}`] });
  }
}
