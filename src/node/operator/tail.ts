// Who listens to exchanges as they end. While nobody does, an exchange costs nothing more.
//
// In a gate of several processes the primary, while somebody listens there, asks the workers again and again what they have heard.
// A worker that is not asked any more stops listening.

import type { Heard, TailApi, TailFilter, TailLine } from '../../admin/contract.ts';
import { tailTest } from '../../admin/tail-api.ts';
import type { Cancel, Tasks } from '../../ports.ts';

type LaterTasks = Pick<Tasks, 'later'>;
type Hear = (heard: Heard) => void;

/** A listener whose client is gone is only found out by writing to it. */
const SIGN_OF_LIFE_MS = 30_000;

/** The listeners of one process. */
class Listeners implements TailApi {
  readonly #listeners = new Map<Hear, { readonly filter: TailFilter; readonly isAsked: (line: TailLine) => boolean }>();
  protected readonly tasks: LaterTasks;

  constructor(tasks: LaterTasks) {
    this.tasks = tasks;
  }

  get isHeard(): boolean {
    return this.#listeners.size > 0;
  }

  get filters(): readonly TailFilter[] {
    return [...this.#listeners.values()].map(({ filter }) => filter);
  }

  listen(filter: TailFilter, hear: Hear): Cancel {
    // Two listeners may give one function.
    const own: Hear = (heard) => hear(heard);
    let cancel: Cancel = () => {};
    const live = () => {
      cancel = this.tasks.later(SIGN_OF_LIFE_MS, () => {
        own({ lost: 0 });
        live();
      });
    };
    live();
    this.#listeners.set(own, { filter, isAsked: tailTest(filter) });
    return () => {
      cancel();
      this.#listeners.delete(own);
    };
  }

  tell(heard: Heard): void {
    for (const [hear, { isAsked }] of this.#listeners) if ('lost' in heard || isAsked(heard)) hear(heard);
  }
}

/** Lines that a worker keeps between two questions of its primary. */
const MAX_KEPT = 1_000;
const FORGOTTEN_MS = 5_000;

/** The exchanges of this process. */
export class Tail extends Listeners {
  #kept: Heard[] = [];
  #lost = 0;
  #asked = '';
  #stops: readonly Cancel[] = [];
  #forget: Cancel = () => {};

  /** What any of the filters asks for, since the last call with these filters. */
  since(filters: readonly TailFilter[]): readonly Heard[] {
    const asked = JSON.stringify(filters);
    if (asked !== this.#asked) this.#listenFor(filters, asked);
    this.#forget();
    this.#forget = this.tasks.later(FORGOTTEN_MS, () => this.#listenFor([], ''));
    const heard = this.#lost === 0 ? this.#kept : [...this.#kept, { lost: this.#lost }];
    this.#kept = [];
    this.#lost = 0;
    return heard;
  }

  #listenFor(filters: readonly TailFilter[], asked: string): void {
    for (const stop of this.#stops) stop();
    this.#asked = asked;
    // A line that several filters ask for is kept once.
    const tests = filters.map(tailTest);
    const stop =
      filters.length > 0 &&
      this.listen({}, (heard) => {
        if ('lost' in heard || !tests.some((isAsked) => isAsked(heard))) return;
        if (this.#kept.length < MAX_KEPT) this.#kept.push(heard);
        else this.#lost++;
      });
    this.#stops = stop === false ? [] : [stop];
    if (filters.length > 0) return;
    this.#kept = [];
    this.#lost = 0;
  }
}

/** Time between two questions to the workers. */
const ASK_MS = 100;

/** The exchanges of all workers. */
export class PoolTail implements TailApi {
  readonly #listeners: Listeners;
  readonly #tasks: LaterTasks;
  readonly #ask: (filters: readonly TailFilter[]) => Promise<readonly (readonly Heard[])[]>;
  #isAsking = false;

  constructor(tasks: LaterTasks, ask: (filters: readonly TailFilter[]) => Promise<readonly (readonly Heard[])[]>) {
    this.#listeners = new Listeners(tasks);
    this.#tasks = tasks;
    this.#ask = ask;
  }

  listen(filter: TailFilter, hear: Hear): Cancel {
    const stop = this.#listeners.listen(filter, hear);
    if (!this.#isAsking) this.#collect();
    return stop;
  }

  #collect(): void {
    this.#isAsking = this.#listeners.isHeard;
    if (!this.#isAsking) return;
    const again = () => void this.#tasks.later(ASK_MS, () => this.#collect());
    this.#ask(this.#listeners.filters).then((answers) => {
      for (const heard of answers.flat()) this.#listeners.tell(heard);
      again();
    }, again);
  }
}
