// Many who wait for what they wrote to be durable, and one sync at a time for all of them.
//
// A sync covers only what was written before it began. Who comes while one is under way waits for
// the next, which all who come meanwhile share.

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class GroupSync {
  readonly #sync: () => Promise<void>;
  #waiting: Waiter[] = [];
  #wanted = false;
  #running = false;

  constructor(sync: () => Promise<void>) {
    this.#sync = sync;
  }

  /** Sees to it that what was written before will be durable. */
  request(): void {
    this.#wanted = true;
    if (!this.#running) void this.#run();
  }

  /** Resolves when what was written before is durable; rejects with what stood in the way. */
  done(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.request();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    // Those who come in this same step share the first one.
    await undefined;
    while (this.#wanted) {
      this.#wanted = false;
      const waiting = this.#waiting;
      this.#waiting = [];
      try {
        await this.#sync();
        for (const { resolve } of waiting) resolve();
      } catch (error) {
        for (const { reject } of waiting) reject(error as Error);
      }
    }
    this.#running = false;
  }
}
