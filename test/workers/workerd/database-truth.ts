// The truth of a race on D1, which stands in the database itself, and those who write it straight.

import { ITEMS, LIST } from '../race/origin.ts';
import type { Workerd } from './harness.ts';

export interface StraightWrite {
  readonly path: string;
  readonly version: number;
  readonly list: number;
}

export class DatabaseTruth {
  readonly #workerd: Workerd;
  readonly #versions = new Map<string, number>();

  constructor(workerd: Workerd) {
    this.#workerd = workerd;
  }

  /** The table and its change log. */
  async install(): Promise<void> {
    const problems = await this.#json('/install');
    if ((problems as readonly string[]).length > 0) throw new Error(`expected an exact feed, got ${problems}`);
  }

  /** Undefined: nobody knows whether it is done. */
  async write(): Promise<StraightWrite | undefined> {
    const path = this.#workerd.dice.pick(ITEMS);
    const answer = await this.#workerd.call(`/straight${path}`);
    if (answer.kind !== 'answer' || answer.status !== 200) return undefined;
    this.#workerd.count('straight writes');
    const { headers } = answer;
    return { path, version: Number(headers.get('x-version')), list: Number(headers.get('x-list')) };
  }

  /** Nobody writes any more. */
  async settle(): Promise<void> {
    for (const [path, version] of (await this.#json('/versions')) as [string, number][])
      this.#versions.set(path, version);
  }

  version(path: string): number {
    const version = this.#versions.get(path);
    if (version === undefined) throw new Error(`expected a race that has settled, got none; ${path} of ${LIST}`);
    return version;
  }

  change(path: string): never {
    throw new Error(`expected changes of D1 by PUT, got one of ${path} by other ways`);
  }

  async #json(path: string): Promise<unknown> {
    const answer = await this.#workerd.call(path);
    if (answer.kind !== 'answer' || answer.status !== 200)
      throw new Error(`expected ${path} done, got ${JSON.stringify(answer)}`);
    return JSON.parse(answer.body) as unknown;
  }
}
