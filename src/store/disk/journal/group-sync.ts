// Lets many callers wait until their writes are durable, with one sync at a time for all of them.
//
// A sync covers only bytes written before it began. A caller that comes during a sync waits for the next one, and shares it
// with all others that come meanwhile.

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

  /** Makes sure that earlier writes become durable. */
  request(): void {
    this.#wanted = true;
    if (!this.#running) void this.#run();
  }

  /** Resolves when earlier writes are durable; rejects with the error that prevents it. */
  done(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.request();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    // Callers in this same step share the first sync.
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
