// Questions of operators about what was read from a source: they wait for the next word of its tracker, go along with the
// answer to that, and the word after it has the answer.
//
// An answer of the gate may be lost on its way. So a question is asked again with each, until it is
// answered or nobody waits for it any longer.

import type { QuestionSubject, SourceAnswer, SourceQuestion } from '../dependency/describe/describe.ts';
import type { Random, Tasks } from '../ports.ts';
import { randomId } from './invalidator.ts';

/** Result of a question; `silent`: no answer within ASK_MS. */
export type QuestionResult =
  | { readonly kind: 'answered'; readonly answer: SourceAnswer }
  | { readonly kind: 'unknown-source' | 'silent' | 'busy' };

/** A tracker speaks at least so often, with the lease that it has by default. */
export const ASK_MS = 2_000;
/** Questions to one source. */
export const MAX_OPEN = 16;

export class SourceQuestions {
  readonly #tasks: Tasks;
  /** Names this life of the gate: answers to an earlier life do not count. */
  readonly #life: string;
  readonly #open = new Map<
    string,
    { readonly source: string; readonly question: SourceQuestion; readonly settle: (result: QuestionResult) => void }
  >();
  #count = 0;

  constructor(tasks: Tasks, random: Random) {
    this.#tasks = tasks;
    this.#life = randomId(random);
  }

  ask(source: string, about: QuestionSubject): Promise<QuestionResult> {
    if (this.of(source).length >= MAX_OPEN) return Promise.resolve({ kind: 'busy' });
    const id = `${this.#life}-${++this.#count}`;
    return new Promise((resolve) => {
      const cancel = this.#tasks.later(ASK_MS, () => settle({ kind: 'silent' }));
      const settle = (result: QuestionResult) => {
        cancel();
        this.#open.delete(id);
        resolve(result);
      };
      this.#open.set(id, { source, question: { id, about }, settle });
    });
  }

  /** That are not answered. */
  of(source: string): readonly SourceQuestion[] {
    return [...this.#open.values()].filter((open) => open.source === source).map(({ question }) => question);
  }

  answered(source: string, answers: readonly SourceAnswer[]): void {
    for (const answer of answers) {
      const open = this.#open.get(answer.id);
      if (open?.source === source) open.settle({ kind: 'answered', answer });
    }
  }
}
