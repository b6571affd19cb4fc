// The data and its server: each key has a version, which a write raises. The server is the origin of the gates, and what the data caches
// read from. Everybody who asks is told; nobody who is told late is wrong, but for those who began after an acknowledgement.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Dice } from '../sim/dice.ts';

/** A data cache acknowledges for all, as it invalidates the tag that gates have as well; a gate for the URL alone. */
export type Reader = 'gate' | 'app';

export class Truth {
  readonly keys: readonly string[];
  readonly #versions = new Map<string, number>();
  readonly #acknowledged: Readonly<Record<Reader, Map<string, number>>> = { gate: new Map(), app: new Map() };
  readonly #dice: Dice;
  readonly #server = createServer((request, response) => {
    const key = (request.url ?? '').slice(1);
    const isWrite = request.method === 'POST';
    // A write is in force some time after it came, and its answer leaves later still; so does what was read.
    setTimeout(() => {
      const version = (this.#versions.get(key) ?? 0) + (isWrite ? 1 : 0);
      this.#versions.set(key, version);
      this.asked++;
      setTimeout(() => {
        response.setHeader('cache-control', isWrite ? 'no-store' : 'max-age=3600');
        response.setHeader('cache-tag', key);
        response.end(String(version));
      }, this.#dice.below(6));
    }, this.#dice.below(3));
    request.resume();
  });
  asked = 0;
  url = '';

  constructor(seed: number, keys: number) {
    this.keys = Array.from({ length: keys }, (_, at) => `k${at}`);
    this.#dice = new Dice(seed);
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** The least version that who asks from now on may be given. */
  least(reader: Reader, key: string): number {
    return this.#acknowledged[reader].get(key) ?? 0;
  }

  acknowledged(writer: Reader, key: string, version: number): void {
    const readers: readonly Reader[] = writer === 'app' ? ['app', 'gate'] : ['gate'];
    for (const reader of readers) {
      const known = this.#acknowledged[reader];
      known.set(key, Math.max(version, known.get(key) ?? 0));
    }
  }
}
