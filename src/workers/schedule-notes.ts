// What schedules have to remember, in the storage of a Durable Object: the places where runs stopped, and what is asked for
// most.

import type { CoordinatorState, ObjectBase } from './coordinator.ts';
import { type Uses, UsesOfSite } from './popularity.ts';

/** What the object does for schedules, by RPC. */
export interface ScheduleKeeper {
  place(name: string): Promise<string | undefined>;
  setPlace(name: string, text: string): Promise<void>;
  addUses(uses: Uses): Promise<void>;
  mostUsed(count: number): Promise<readonly string[]>;
}

/** The base class with what schedules have to remember. */
export function notingClass(Base: ObjectBase): new (state: CoordinatorState, env: unknown) => ScheduleKeeper {
  return class extends Base implements ScheduleKeeper {
    readonly #sql: CoordinatorState['storage']['sql'];
    readonly #uses: UsesOfSite;
    #isThere = false;

    constructor(state: CoordinatorState, env: unknown) {
      super(state, env);
      this.#sql = state.storage.sql;
      this.#uses = new UsesOfSite({ get: () => this.#get('uses'), set: (text) => this.#set('uses', text) });
    }

    async place(name: string): Promise<string | undefined> {
      return this.#get(`place ${name}`);
    }

    async setPlace(name: string, text: string): Promise<void> {
      this.#set(`place ${name}`, text);
    }

    async addUses(uses: Uses): Promise<void> {
      this.#uses.add(uses);
    }

    async mostUsed(count: number): Promise<readonly string[]> {
      return this.#uses.most(count);
    }

    #get(name: string): string | undefined {
      const [row] = this.#exec('select text from notes where name = ?', name);
      return row === undefined ? undefined : String(row.text);
    }

    #set(name: string, text: string): void {
      this.#exec('insert or replace into notes values (?, ?)', name, text);
    }

    #exec(query: string, ...values: readonly string[]): Record<string, unknown>[] {
      const create = 'create table if not exists notes (name text primary key, text text) without rowid';
      if (!this.#isThere) this.#sql.exec(create);
      this.#isThere = true;
      return [...this.#sql.exec(query, ...values)];
    }
  };
}
