// How a gate comes into its cluster: it waits for an engine that is out of reach, and gives up where waiting would not mend it.

import { platformTasks } from '../../cache/platform.ts';
import { messageOf, TidegateError } from '../../errors.ts';
import type { EngineFacts, RedisMember } from './redis-member.ts';

export interface JoiningParts {
  readonly member: RedisMember;
  /** The last error of the connection: a call says only that there is none. */
  readonly connectionError: () => unknown;
  /** Told once, when the engine is one that serves. */
  readonly reached: (facts: EngineFacts) => void;
  /** Told of each try that failed after the start. */
  readonly fault: (error: unknown) => void;
}

export const RETRY_MS = 500;

export class Joining {
  readonly #parts: JoiningParts;
  #isLate = false;
  #isOver = false;

  constructor(parts: JoiningParts) {
    this.#parts = parts;
  }

  /**
   * Resolves once the gate has joined the log, or after `withinMs`; then it goes on to try in the background. Rejects with E_CONFIG
   * where the engine refuses the gate within that time.
   */
  async start(withinMs: number): Promise<void> {
    const late = new Promise<void>((resolve) => {
      platformTasks.later(withinMs, () => {
        this.#isLate = true;
        resolve();
      });
    });
    await Promise.race([late, this.#join()]);
  }

  stop(): void {
    this.#isOver = true;
  }

  async #join(): Promise<void> {
    const { member, reached, fault } = this.#parts;
    while (!this.#isOver) {
      try {
        const facts = await member.check();
        await member.listen();
        reached(facts);
        // From then on the log tries by itself.
        return await member.log.begin().catch(fault);
      } catch (error) {
        const refusal = [error, this.#parts.connectionError()].find(isRefusal);
        if (refusal !== undefined && !this.#isLate) {
          throw new TidegateError('E_CONFIG', `cluster: ${messageOf(refusal)}`, { cause: refusal });
        }
        fault(refusal ?? error);
      }
      await new Promise<void>((resolve) => platformTasks.later(RETRY_MS, resolve));
    }
  }
}

/** Waiting does not mend it: the engine is not one that serves, or it refuses a name or password. */
function isRefusal(error: unknown): boolean {
  if (error === undefined) return false;
  const isOther = error instanceof TidegateError && error.code === 'E_CONFIG';
  return isOther || /\b(?:WRONGPASS|NOAUTH|NOPERM)\b/.test(messageOf(error));
}
