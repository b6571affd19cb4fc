// The figures of a run as they grow: counts by name, times, and what was found wrong.

import type { Finding } from './judge.ts';

export interface Found extends Omit<Finding, 'fault'> {
  readonly fault: Finding['fault'] | 'untold';
  readonly round: number;
  /** What the gate had said by then; the round's first finding has it. */
  readonly said: readonly string[];
}

const LAST_LINES = 20;

export class Figures {
  readonly counts = new Map<string, number>();
  readonly startMs: number[] = [];
  readonly found: Found[] = [];
  round = 0;
  /** What the gate that runs has said so far. */
  heard: () => readonly string[] = () => [];
  /** Told of each finding at once. */
  readonly #tell: (found: Found) => void;

  constructor(tell: (found: Found) => void) {
    this.#tell = tell;
  }

  count(name: string, by = 1): void {
    this.counts.set(name, this.of(name) + by);
  }

  of(name: string): number {
    return this.counts.get(name) ?? 0;
  }

  /** Names that begin so, without the beginning, and their counts. */
  under(start: string): [string, number][] {
    const found = [...this.counts].filter(([name]) => name.startsWith(start));
    return found.map(([name, count]): [string, number] => [name.slice(start.length), count]).sort();
  }

  find(fault: Found['fault'], sentence: string): void {
    const isFirst = this.found.at(-1)?.round !== this.round;
    const found = { fault, sentence, round: this.round, said: isFirst ? this.heard().slice(-LAST_LINES) : [] };
    this.found.push(found);
    this.#tell(found);
  }
}
