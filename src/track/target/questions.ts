// Questions of one target, to be answered with the next message to it.
//
// They come from outside, and the channel is for messages about outdated tags. So few questions are kept, and the
// answers in one message are bounded.

import type { SourceAnswer, SourceQuestion } from '../../dependency/describe/describe.ts';
import { messageOf } from '../../errors.ts';
import { MAX_ANSWER_BYTES, sizeOf } from './answer.ts';

const MAX_OPEN = 16;
/** The most bytes of all answers in one message. */
const MAX_BYTES = 2 * MAX_ANSWER_BYTES;

type Answer = (question: SourceQuestion) => SourceAnswer;

export class Questions {
  readonly #answer: Answer | undefined;
  readonly #open = new Map<string, SourceQuestion>();

  constructor(answer: Answer | undefined) {
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
      const answer = answered(question, this.#answer);
      left -= sizeOf(answer);
      answers.push(answer);
    }
    return answers.length === 0 ? {} : { answers };
  }
}

function answered(question: SourceQuestion, answer: Answer | undefined): SourceAnswer {
  try {
    if (answer !== undefined) return answer(question);
    return { id: question.id, described: [], isWhole: false, problem: 'expected a tracker that answers, got none' };
  } catch (error) {
    const problem = messageOf(error);
    return { id: question.id, described: [], isWhole: false, problem };
  }
}
