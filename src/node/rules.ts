// Entries were filled under the rules of their time, and a key does not name them. So when rules change, at a reload
// or between two starts, entries of the old rules are invalidated. A file beside the disk tier has digests of the rules under
// which that was filled.
//
// This may fail half way. The file of the old rules is deleted before the first fill under new ones, and the new rules
// are written when no entry of the old ones is left; in between, a start treats all rules as changed.

import { hash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Gate } from '../engine/contract.ts';
import { isRecord } from '../options/kit.ts';
import type { ResolvedConfig } from './config/config.ts';

export interface RulesParts {
  readonly gate: Pick<Gate, 'invalidate' | 'stats'>;
  readonly log: Logger;
  /** Whether another process writes the rules down. */
  readonly isWorker: boolean;
  /** Nothing was ever stored there. */
  readonly isNewDisk?: boolean | undefined;
}

export class Rules {
  readonly #parts: RulesParts;

  constructor(parts: RulesParts) {
    this.#parts = parts;
  }

  /** Call this at the start, before anything is served. */
  async begin(config: ResolvedConfig): Promise<void> {
    const { gate, log, isWorker, isNewDisk = false } = this.#parts;
    if (isWorker || config.disk === undefined) return;
    const before = readRules(join(config.disk.path, RULES_FILE));
    const origins = Object.entries(digestsOf(config)).flatMap(([name, now]) => (before[name] === now ? [] : [name]));
    if (origins.length === 0) return;
    // A log that has just begun: earlier entries, if any, belong to another epoch and are outdated by that. The log of a cluster is older
    // than this process, and whoever joins with nothing stored has nothing to outdate for all.
    const hasNothing = config.cluster === undefined ? gate.stats().position === 0 : isNewDisk;
    if (hasNothing) return this.#remember(config);
    forgetRules(config);
    try {
      await this.#outdate(origins, config);
    } catch (err) {
      if (config.cluster === undefined) throw err;
      // It is owed to the log, and in force before anything is served.
      return log.warn({ err, origins }, 'what was stored under other rules is outdated once the cluster is joined');
    }
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
    const done = await Promise.allSettled(
      origins.map((origin) => gate.invalidate({ kind: 'origin', origin }, 'rules')),
    );
    const failed = done.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    if (!isWorker) this.#remember(config);
  }

  /** Call this when no entry of other rules is stored any more. */
  #remember(config: ResolvedConfig): void {
    try {
      if (config.disk !== undefined) writeRules(config.disk.path, digestsOf(config));
    } catch (err) {
      this.#parts.log.warn({ err }, 'the rules could not be written down: all is invalidated at the next start');
    }
  }
}

const RULES_FILE = 'rules.json';

/** Forgets the written rules; call this before they change. Does nothing without a disk. */
function forgetRules({ disk }: Pick<ResolvedConfig, 'disk'>): void {
  if (disk === undefined) return;
  rmSync(join(disk.path, RULES_FILE), { force: true });
  syncFolder(disk.path);
}

function digestsOf(config: ResolvedConfig): Record<string, string> {
  const digest = (name: string) => hash('sha256', rulesOf(config, name), 'base64url');
  return Object.fromEntries(Object.keys(config.origins).map((name) => [name, digest(name)]));
}

/** An unreadable or missing file reveals no rules: then all rules count as changed. */
function readRules(file: string): Readonly<Record<string, unknown>> {
  try {
    const rules: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return isRecord(rules) ? rules : {};
  } catch (error) {
    if (error instanceof Error) return {};
    throw error;
  }
}

function writeRules(folder: string, rules: Readonly<Record<string, string>>): void {
  const file = join(folder, RULES_FILE);
  writeFileSync(`${file}.new`, `${JSON.stringify(rules)}\n`, { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
  syncFolder(folder);
}

/** Otherwise a power cut could bring back the old names in the folder. */
function syncFolder(folder: string): void {
  const open = openSync(folder, 'r');
  try {
    fsyncSync(open);
  } finally {
    closeSync(open);
  }
}

/** All settings that decide what is stored of an origin's answers and under which key, as a text to compare. */
function rulesOf(config: ResolvedConfig, origin: string): string {
  return JSON.stringify([
    config.origins[origin],
    // What caches outside may hold is said with each answer, and is no part of what is stored.
    config.routes.filter((route) => route.origin === origin).map(({ outward: _, ...route }) => route),
    config.targetedFields,
    config.trustedProxies,
  ]);
}

/** Whether an owner's routes, or the origins they lead to, are others after than before. */
export function otherRules(before: ResolvedConfig, after: ResolvedConfig): (owner: string | undefined) => boolean {
  const differs = new Map<string | undefined, boolean>();
  return (owner) => {
    const known = differs.get(owner) ?? rulesOfOwner(before, owner) !== rulesOfOwner(after, owner);
    differs.set(owner, known);
    return known;
  };
}

function rulesOfOwner(config: ResolvedConfig, owner: string | undefined): string {
  const routes = config.routes.filter((route) => route.owner === owner);
  const origins = routes.map(({ origin }) => config.origins[origin]);
  return JSON.stringify([routes, origins, config.targetedFields, config.trustedProxies]);
}

/** Origins whose own settings, or whose routes' rules, have changed. */
function changedOrigins(before: ResolvedConfig, after: ResolvedConfig): string[] {
  // Those that come as well: what an origin of that name has stored once may be of other rules.
  const names = new Set([...Object.keys(before.origins), ...Object.keys(after.origins)]);
  return [...names].filter((name) => rulesOf(before, name) !== rulesOf(after, name));
}
