// What a run of the drill has counted.

import type { Member } from './member.ts';

const MAX_TOLD = 20;
/** A member recovers sooner. */
export const LATE_MS = 3_000;

interface Write {
  /** Of the member. */
  readonly name: string;
  readonly tookMs: number;
  /** The scheduler held who measured. */
  readonly isHeld: boolean;
  readonly isLate: boolean;
}

export class Figures {
  readonly counts = new Map<string, number>();
  readonly faults = new Map<string, number>();
  readonly findings: string[] = [];
  readonly recoveriesMs: number[] = [];
  readonly writesMs: number[] = [];
  writesHeld = 0;
  lastFault = 'the start';
  readonly late: number[] = [];
  readonly #waiting = new Map<Member, number>();

  add(name: string): void {
    this.counts.set(name, this.of(name) + 1);
  }

  of(name: string): number {
    return this.counts.get(name) ?? 0;
  }

  fault(name: string): void {
    this.faults.set(name, (this.faults.get(name) ?? 0) + 1);
    this.lastFault = name;
  }

  outdated(sentence: string): void {
    this.add('outdated answers');
    if (this.findings.length >= MAX_TOLD) return;
    this.findings.push(sentence);
    console.log(`outdated: ${sentence}`);
  }

  write({ name, tookMs, isHeld, isLate }: Write): void {
    if (isHeld) {
      this.writesHeld++;
      return;
    }
    this.writesMs.push(tookMs);
    if (!isLate) return;
    this.late.push(tookMs);
    console.log(`${name}: a write took ${tookMs.toFixed(0)} ms: ${this.lastFault}`);
  }

  /** The member is disturbed no more; its next hit shows that it has recovered. */
  healed(member: Member): void {
    this.#waiting.set(member, performance.now());
  }

  disturbed(member: Member): void {
    this.#waiting.delete(member);
  }

  hit(member: Member): void {
    const sinceMs = this.#waiting.get(member);
    if (sinceMs === undefined) return;
    this.#waiting.delete(member);
    const ms = performance.now() - sinceMs;
    this.recoveriesMs.push(ms);
    if (ms > LATE_MS) console.log(`${member.parts.name}: a hit only ${ms.toFixed(0)} ms after ${this.lastFault}`);
  }

  /** Members that were healed so long ago and gave no hit yet. */
  overdue(ms: number): readonly string[] {
    const nowMs = performance.now();
    return [...this.#waiting].filter(([, at]) => nowMs - at > ms).map(([{ parts }]) => parts.name);
  }
}

export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}
