// Bodies too large for memory, where a gate has a store for them: each is written as it arrives, and stored responses are
// answered from there. Several ranges of a large body are answered with the whole.

import type { LargeBody, StoredResponse } from '../../entry/stored-response.ts';
import type { Answer, BodyStore } from '../../ports.ts';
import type { Fields } from '../../semantics/fields.ts';
import { spanAnswer } from '../../semantics/ranges.ts';
import { type AnswerMaking, headOf, notModifiedHead, reusedFields, reuseOf } from '../answers/answers.ts';
import type { GateRequest } from '../contract.ts';
import { rangesAsked } from './partial.ts';
import { Spool, type SpoolListener } from './spool.ts';

/** What a gate does with them (GateOptions). */
export interface LargeBodies {
  spool(listener: SpoolListener): Spool;
  /** Like `answerFromStored`, of a response whose body stands in the store. */
  answer(
    request: GateRequest,
    of: { readonly entry: StoredResponse; readonly large: LargeBody },
    how: AnswerMaking,
  ): Answer;
}

export function largeBodies(store: BodyStore): LargeBodies {
  return {
    spool: (listener) => new Spool(store.create(), listener),
    answer: (request, { entry, large }, how) => {
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
      const body = store.read(large, { start: first, end: last + 1 });
      return { kind: 'streamed', head: { status, fields: reusedFields(request, fields, reuse) }, body, outcome };
    },
  };
}
