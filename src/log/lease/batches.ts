// A member sends all changes that it appends in one turn in one call to the keeper, or in as many calls as the keeper's bounds need. An
// intent waits until it has its place in the log. Other changes wait until they may be acknowledged.

import { messageOf, TidegateError } from '../../errors.ts';
import type { LogChange, Position } from '../../ledger/log.ts';
import type { Tasks } from '../../ports.ts';
import { MAX_CALL_CHARACTERS, MAX_CHANGES } from './messages.ts';

/** Called when the changes of a call have their place in the log, where the keeper tells that earlier than the rest. */
export type Placed = (positions: readonly Position[]) => void;

export interface BatchesParts {
  readonly tasks: Tasks;
  /** Resolves when the changes may be acknowledged. */
  readonly send: (changes: readonly LogChange[], placed: Placed) => Promise<readonly Position[]>;
  /** How long an intent may take to have its place. Undefined: no bound of its own. */
  readonly openTimeoutMs: number | undefined;
  /** How long any other change may take. */
  readonly timeoutMs: number;
}

interface Batch {
  readonly changes: LogChange[];
  readonly placed: Promise<readonly Position[]>;
  readonly known: Promise<readonly Position[]>;
}

export class Batches {
  readonly #parts: BatchesParts;
  #batch: Batch | undefined;
  readonly #opening = new Set<Promise<unknown>>();

  constructor(parts: BatchesParts) {
    this.#parts = parts;
  }

  append(change: LogChange): Promise<Position> {
    this.#batch ??= this.#begin();
    const { changes, placed, known } = this.#batch;
    const at = changes.push(change) - 1;
    const positionIn = (positions: readonly Position[]) => positions[at] as Position;
    if (change.kind !== 'open') return known.then(positionIn);
    const { tasks, openTimeoutMs } = this.#parts;
    const position = placed.then(positionIn);
    const opened = openTimeoutMs === undefined ? position : within(tasks, openTimeoutMs, () => position);
    this.#opening.add(opened);
    const done = () => this.#opening.delete(opened);
    opened.then(done, done);
    return opened;
  }

  /** Those of this turn, or else all that are being opened; rejects when one is not. Undefined: there is none. */
  opened(): Promise<unknown> | undefined {
    if (this.#opening.size === 0) return undefined;
    const { tasks, timeoutMs, openTimeoutMs = timeoutMs } = this.#parts;
    const own = this.#batch?.changes.some(({ kind }) => kind === 'open') === true ? this.#batch.placed : undefined;
    // The call of another request may have ended with that request, and tells nobody. The timer is this request's own.
    return within<unknown>(tasks, openTimeoutMs, () => own ?? Promise.all(this.#opening));
  }

  #begin(): Batch {
    const changes: LogChange[] = [];
    const [placed, known] = [
      Promise.withResolvers<readonly Position[]>(),
      Promise.withResolvers<readonly Position[]>(),
    ];
    this.#parts.tasks.soon(() => {
      this.#batch = undefined;
      const sent = callsOf(changes).map((some) => {
        const place = Promise.withResolvers<readonly Position[]>();
        const all = this.#parts.send(some, place.resolve);
        all.then(place.resolve, place.reject);
        return { place: place.promise, all };
      });
      const flat = async (of: readonly Promise<readonly Position[]>[]) => (await Promise.all(of)).flat();
      placed.resolve(flat(sent.map(({ place }) => place)));
      known.resolve(flat(sent.map(({ all }) => all)));
    });
    // Where all changes are of one kind, nobody waits for the other promise.
    for (const { promise } of [placed, known]) promise.catch(() => undefined);
    return { changes, placed: placed.promise, known: known.promise };
  }
}

function callsOf(changes: readonly LogChange[]): LogChange[][] {
  const found: LogChange[][] = [];
  let characters = Number.POSITIVE_INFINITY;
  for (const change of changes) {
    const more = JSON.stringify(change).length + 1;
    characters += more;
    if (characters >= MAX_CALL_CHARACTERS || found.at(-1)?.length === MAX_CHANGES) {
      found.push([]);
      characters = more;
    }
    found.at(-1)?.push(change);
  }
  return found;
}

/** Rejects with E_LOG, also when nothing comes in time. */
export async function within<T>(tasks: Tasks, timeoutMs: number, call: () => Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const cancel = tasks.later(timeoutMs, () => {
    late.reject(new TidegateError('E_LOG', `expected an answer of the log within ${timeoutMs} ms, got none`));
  });
  try {
    return await Promise.race([call(), late.promise]);
  } catch (error) {
    if (error instanceof TidegateError) throw error;
    throw new TidegateError('E_LOG', `the log did not answer: ${messageOf(error)}`, { cause: error });
  } finally {
    cancel();
  }
}
