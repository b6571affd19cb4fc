// Answers an operator's questions about a source, within bounds.
//
// Questions come from outside, and answers go along with invalidations, which they must not hold up. So few questions are
// kept, answers are small, and a failure is an answer, too.

import type { Description, SourceAnswer, SourceQuestion } from '../../dependency/describe/describe.ts';
import type { Registry } from '../../dependency/registry.ts';
import { bareName } from '../../dependency/table-name.ts';
import { messageOf } from '../../errors.ts';

const MAX_ANSWER_BYTES = 200_000;
const MAX_PROBLEM = 300;

/** `registry`: undefined while the feed has not begun. */
export function answerOf({ id, about }: SourceQuestion, answering: Answering): SourceAnswer {
  const { described, isWhole, problem } = describe(about, answering);
  let left = MAX_ANSWER_BYTES - 1_000;
  const end = described.findIndex((one) => {
    left -= sizeOf(one) + 1;
    return left < 0;
  });
  return {
    id,
    described: end < 0 ? described : described.slice(0, end),
    isWhole: isWhole && end < 0,
    ...(problem !== undefined && { problem: problem.slice(0, MAX_PROBLEM) }),
  };
}

interface Answering {
  readonly registry: Registry | undefined;
  readonly covers: (table: string) => boolean;
}

/** Size in JSON, as it is sent. */
function sizeOf(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}

function describe(about: SourceQuestion['about'], { registry, covers }: Answering): Description {
  if (registry === undefined) return nothing('expected a tracker whose feed has begun, got one that starts');
  if (about.kind === 'tags') return registry.describe(about.tags);
  const { table } = about;
  const found = about.kind === 'table' ? registry.tagsOfTable(table) : registry.tagsOfRecord(table, about.key);
  if (registry.isRead(table)) return found;
  if (covers(table) || covers(bareName(table)))
    return { ...found, problem: `no statement that is registered reads a table named ${table}` };
  const why = 'there is no such table, or its changes are not told; then what is read from it is not stored';
  return { ...found, problem: `expected a table whose changes are told, got ${table}: ${why}` };
}

function nothing(problem: string): Description {
  return { described: [], isWhole: false, problem };
}

type Answer = (question: SourceQuestion) => SourceAnswer;

const unanswered: Answer = ({ id }) => ({ id, ...nothing('expected a tracker that answers, got none') });
const MAX_OPEN = 16;
/** The most bytes of all answers in one message. */
const MAX_BYTES = 2 * MAX_ANSWER_BYTES;

export class Questions {
  readonly #answer: Answer;
  readonly #open = new Map<string, SourceQuestion>();

  constructor(answer = unanswered) {
    this.#answer = answer;
  }

  get areOpen(): boolean {
    return this.#open.size > 0;
  }

  take(questions: readonly SourceQuestion[] | undefined): void {
    for (const question of questions ?? []) if (this.#open.size < MAX_OPEN) this.#open.set(question.id, question);
  }

  /** Answers questions and removes them. */
  answered(): { readonly answers?: readonly SourceAnswer[] } {
    const answers: SourceAnswer[] = [];
    let left = MAX_BYTES;
    for (const [id, question] of this.#open) {
      if (left < MAX_ANSWER_BYTES) break;
      this.#open.delete(id);
      const answer = this.#answerTo(question);
      left -= sizeOf(answer);
      answers.push(answer);
    }
    return answers.length === 0 ? {} : { answers };
  }

  #answerTo(question: SourceQuestion): SourceAnswer {
    try {
      return this.#answer(question);
    } catch (error) {
      return { id: question.id, ...nothing(messageOf(error).slice(0, MAX_PROBLEM)) };
    }
  }
}
