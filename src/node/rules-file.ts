// The rules under which the disk tier was filled, as digests in a file beside it. See rules.ts.

import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRecord } from '../options/kit.ts';
import { rulesOf } from './config/applying.ts';
import type { ResolvedConfig } from './config/config.ts';

const RULES_FILE = 'rules.json';

/** Before the rules change: what was written down of the old ones is forgotten. Nothing without a disk. */
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

/** When nothing of other rules is stored any more. Throws where the file cannot be written. */
export function rememberRules(config: ResolvedConfig): void {
  if (config.disk !== undefined) writeRules(config.disk.path, digestsOf(config));
}

function digestsOf(config: ResolvedConfig): Record<string, string> {
  const digests = Object.keys(config.origins).map((name) => {
    return [name, createHash('sha256').update(rulesOf(config, name)).digest('base64url')] as const;
  });
  return Object.fromEntries(digests);
}

/** Of a file that is not there, or cannot be read, nothing is known: then all rules are others. */
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

/** A power cut does not bring back what a folder named before. */
function syncFolder(folder: string): void {
  const open = openSync(folder, 'r');
  try {
    fsyncSync(open);
  } finally {
    closeSync(open);
  }
}
