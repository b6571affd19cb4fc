// Entries were filled under the rules of their time, and a key does not name them. So when rules change, at a reload
// or between two starts, entries of the old rules are invalidated.
//
// This may fail half way. The file of the old rules is deleted before the first fill under new ones, and the new rules
// are written when no entry of the old ones is left; in between, a start treats all rules as changed.

import type { Logger } from 'pino';
import type { Gate } from '../engine/contract.ts';
import { changedOrigins } from './config/applying.ts';
import type { ResolvedConfig } from './config/config.ts';
import { forgetRules, originsOfOtherRules, rememberRules } from './rules-file.ts';

export interface RulesParts {
  readonly gate: Pick<Gate, 'invalidate' | 'stats'>;
  readonly log: Logger;
  /** Whether another process writes the rules down. */
  readonly isWorker: boolean;
}

export class Rules {
  readonly #parts: RulesParts;

  constructor(parts: RulesParts) {
    this.#parts = parts;
  }

  /** Call this at the start, before anything is served. */
  async begin(config: ResolvedConfig): Promise<void> {
    const origins = this.#parts.isWorker ? [] : originsOfOtherRules(config);
    if (origins.length === 0) return;
    const { gate, log } = this.#parts;
    // A log that has just begun: earlier entries, if any, belong to another epoch and are outdated by that.
    if (gate.stats().position === 0) return this.#remember(config);
    forgetRules(config);
    await this.#outdate(origins, config);
    log.warn({ origins }, 'what was stored under other rules, or under rules that are not known, is outdated');
  }

  /** Call this before any process serves under the new configuration. */
  prepare(old: ResolvedConfig, news: ResolvedConfig): void {
    if (!this.#parts.isWorker && changedOrigins(old, news).length > 0) forgetRules(old);
  }

  /** Call this when the process serves under the new configuration. */
  async changed(old: ResolvedConfig, news: ResolvedConfig): Promise<void> {
    const origins = changedOrigins(old, news);
    if (origins.length > 0) await this.#outdate(origins, news);
  }

  /** Tries all origins before it throws the first failure. */
  async #outdate(origins: readonly string[], config: ResolvedConfig): Promise<void> {
    const { gate, isWorker } = this.#parts;
    const done = await Promise.allSettled(origins.map((origin) => gate.invalidate({ kind: 'origin', origin })));
    const failed = done.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    if (!isWorker) this.#remember(config);
  }

  #remember(config: ResolvedConfig): void {
    try {
      rememberRules(config);
    } catch (err) {
      this.#parts.log.warn({ err }, 'the rules could not be written down: all is invalidated at the next start');
    }
  }
}
