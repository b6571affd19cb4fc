// The rules under which the disk tier was filled, as digests in a file beside it. See rules.ts.

import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRecord } from '../options/kit.ts';
import { rulesOf } from './config/applying.ts';
import type { ResolvedConfig } from './config/config.ts';

const RULES_FILE = 'rules.json';

/** Forgets the written rules; call this before they change. Does nothing without a disk. */
export function forgetRules({ disk }: Pick<ResolvedConfig, 'disk'>): void {
  if (disk === undefined) return;
  rmSync(join(disk.path, RULES_FILE), { force: true });
  syncFolder(disk.path);
}

/** Origins whose entries may have been filled under other rules than these. Nothing without a disk. */
export function originsOfOtherRules(config: ResolvedConfig): string[] {
  if (config.disk === undefined) return [];
  const before = readRules(join(config.disk.path, RULES_FILE));
  return Object.entries(digestsOf(config)).flatMap(([origin, now]) => (before[origin] === now ? [] : [origin]));
}

/**
 * Writes the rules down; call this when no entry of other rules is stored any more. Throws when the file is not
 * writable.
 */
export function rememberRules(config: ResolvedConfig): void {
  if (config.disk !== undefined) writeRules(config.disk.path, digestsOf(config));
}

function digestsOf(config: ResolvedConfig): Record<string, string> {
  const digests = Object.keys(config.origins).map((name) => {
    return [name, createHash('sha256').update(rulesOf(config, name)).digest('base64url')] as const;
  });
  return Object.fromEntries(digests);
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
