// The writes that are under way: what they may change is not stored.

import type { OpenIntent } from './log.ts';

export class OpenIntents {
  readonly #byId = new Map<string, OpenIntent>();
  /** How many there are on each URI, and on each prefix. */
  readonly #on = new Map<string, number>();
  readonly #under = new Map<string, number>();

  /** URIs and prefixes. */
  get size(): number {
    return this.#on.size + this.#under.size;
  }

  open(intent: OpenIntent): void {
    if (!this.#byId.has(intent.intent)) this.#count(intent, 1);
    this.#byId.set(intent.intent, intent);
  }

  close(id: string): void {
    const intent = this.#byId.get(id);
    if (intent !== undefined) this.#count(intent, -1);
    this.#byId.delete(id);
  }

  isUnderWay(uri: string): boolean {
    if (this.#on.has(uri)) return true;
    for (const prefix of this.#under.keys()) if (uri.startsWith(prefix)) return true;
    return false;
  }

  #count({ uri, isPrefix }: OpenIntent, by: number): void {
    const counts = isPrefix === true ? this.#under : this.#on;
    const count = (counts.get(uri) ?? 0) + by;
    if (count > 0) counts.set(uri, count);
    else counts.delete(uri);
  }
}
