// How a gate comes into its cluster: it waits for an engine that is out of reach, and gives up where waiting would not mend it.

import type { Logger } from 'pino';
import { platformClock, platformTasks } from '../../cache/platform.ts';
import { messageOf, TidegateError } from '../../errors.ts';
import type { RedisMember } from './redis-member.ts';

export const RETRY_MS = 500;

/** Tries until the engine is there, and is one that serves. */
export class Joining {
  readonly #member: RedisMember;
  readonly #log: Logger;
  /** The last error of the connection: a call says only that there is none. */
  readonly #connectionError: () => unknown;
  #isOver = false;

  constructor(member: RedisMember, log: Logger, connectionError: () => unknown) {
    this.#member = member;
    this.#log = log;
    this.#connectionError = connectionError;
  }

  /** Resolves once the log is joined, or after that time. Rejects with E_CONFIG where it cannot be within the time. */
  async start(withinMs: number): Promise<void> {
    const endMs = platformClock.monotonic() + withinMs;
    const late = new Promise<void>((resolve) => platformTasks.later(withinMs, resolve));
    await Promise.race([late, this.#join(endMs)]);
  }

  stop(): void {
    this.#isOver = true;
  }

  async #join(endMs: number): Promise<void> {
    while (!this.#isOver) {
      try {
        const { version, isDurable } = await this.#member.check();
        // From then on it tries by itself.
        await this.#member.begin().catch(() => undefined);
        const kept = isDurable ? '' : '; it keeps nothing over a restart, after which everything is outdated once';
        return this.#log.info({ version }, `in the cluster${kept}`);
      } catch (error) {
        const refusal = [error, this.#connectionError()].find(isRefusal);
        if (refusal !== undefined && platformClock.monotonic() < endMs) {
          throw new TidegateError('E_CONFIG', `cluster: ${messageOf(refusal)}`, { cause: refusal });
        }
        if (refusal !== undefined) this.#log.error({ err: refusal }, 'the cluster cannot be joined');
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
