// Large bodies. Where a gate has a store for them, each is written as it arrives; else it stays in memory in the pieces in which
// it came. Stored responses are answered from there, as their clients take them. Several ranges of a large body are answered
// with the whole.

import type { LargeBody, StoredResponse } from '../../entry/stored-response.ts';
import type { MemoryBudget } from '../../memory/budget.ts';
import type { Taker } from '../../memory/takers.ts';
import type { Answer, BodySource, BodyStore } from '../../ports.ts';
import { type Fields, NO_FIELDS } from '../../semantics/fields.ts';
import { spanAnswer } from '../../semantics/ranges.ts';
import { type AnswerMaking, headOf, notModifiedHead, reusedFields, reuseOf } from '../answers/answers.ts';
import type { GateRequest } from '../contract.ts';
import { rangesAsked } from './partial.ts';
import { Spool, type SpoolListener } from './spool.ts';

/** What a gate does with them (GateOptions). */
export interface LargeBodies {
  /** Writes a body to the store; undefined: there is no store, and bodies stay in memory. */
  readonly spool: ((listener: SpoolListener) => Spool) | undefined;
  /** Like `answerFromStored`, of a response whose body is large. */
  answer(request: GateRequest, of: LargeEntry, how: AnswerMaking): Answer;
}

export function largeBodies(store: BodyStore): LargeBodies {
  const spool = (listener: SpoolListener) => new Spool(store.create(), listener);
  return { spool, answer: answersWith(({ large }, range) => store.read(large, range)) };
}

/** `budget`: counts a body that slow clients still read after it left the store. */
export function bodiesInMemory(budget: MemoryBudget): LargeBodies {
  return { spool: undefined, answer: answersWith((of, range) => new PieceReader(budget, of, range)) };
}

interface LargeEntry {
  readonly entry: StoredResponse;
  readonly large: LargeBody;
}

interface ByteRange {
  readonly start: number;
  readonly end: number;
}

function answersWith(read: (of: LargeEntry, range: ByteRange) => BodySource): LargeBodies['answer'] {
  return (request, { entry, large }, how) => {
    const reuse = { entry, now: how.now, ...reuseOf(request, entry, how) };
    const { outcome } = reuse;
    const head = headOf(entry);
    const whole = (status: number, fields: Fields): Answer => ({
      kind: 'whole',
      head: { status, fields: reusedFields(request, fields, reuse) },
      body: undefined,
      outcome,
    });
    const notModified = notModifiedHead(request, head, entry.bornMs);
    if (notModified !== undefined) return whole(304, notModified.fields);
    if (request.method === 'HEAD') return whole(head.status, head.fields);
    const ranges = head.status === 200 ? rangesAsked(request, head.fields, entry) : undefined;
    const part = ranges === undefined ? undefined : spanAnswer(head.fields, large.bytes, ranges);
    if (part?.status === 416) return whole(416, part.fields);
    const { first, last } = part?.span ?? { first: 0, last: large.bytes - 1 };
    const { status, fields } = part ?? head;
    const body = read({ entry, large }, { start: first, end: last + 1 });
    return { kind: 'streamed', head: { status, fields: reusedFields(request, fields, reuse) }, body, outcome };
  };
}

class PieceReader implements BodySource {
  readonly #budget: MemoryBudget;
  readonly #of: LargeEntry;
  readonly #range: ByteRange;
  #next = 0;
  /** Where the next piece begins. */
  #at = 0;
  #release: (() => void) | undefined;

  constructor(budget: MemoryBudget, of: LargeEntry, range: ByteRange) {
    this.#budget = budget;
    this.#of = of;
    this.#range = range;
  }

  takenBy(taker: Taker): void {
    const { entry, large } = this.#of;
    this.#release = this.#budget.hold(large, { key: entry.key, taker });
  }

  read(): Uint8Array | 'end' | 'failed' {
    const { start, end } = this.#range;
    const { pieces = [] } = this.#of.large;
    while (this.#at < end) {
      const from = this.#at;
      const piece = pieces[this.#next++];
      // Never: the pieces have `bytes` bytes together.
      if (piece === undefined) return 'failed';
      this.#at += piece.length;
      if (this.#at > start) return piece.subarray(Math.max(0, start - from), end - from);
    }
    this.cancel();
    return 'end';
  }

  whenReadable(ready: () => void): void {
    ready();
  }

  cancel(): void {
    this.#release?.();
  }

  trailers(): Fields {
    return NO_FIELDS;
  }
}
