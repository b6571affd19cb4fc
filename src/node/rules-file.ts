// The rules under which the disk tier was filled, in a file beside it. A key does not say under which rules its entry was
// filled, so what an origin's entries were stored under is compared at the start, as a reload compares it.
//
// The one complication: the order. The old entries are invalidated, durably, before the new rules are written down; a
// gate that ends between the two does it again.

import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Gate } from '../engine/contract.ts';
import { rulesOf } from './config/applying.ts';
import type { ResolvedConfig } from './config/config.ts';
import { isTable } from './config/config-values.ts';

const RULES_FILE = 'rules.json';

/**
 * Invalidates what was filled under other rules; resolves with the names of those origins. Nothing without a disk. A
 * file that cannot be written is told to `fault`: then the same is done at the next start.
 */
export async function invalidateOldRules(
  gate: Pick<Gate, 'invalidate'>,
  config: ResolvedConfig,
  fault: (error: unknown) => void,
): Promise<string[]> {
  if (config.disk === undefined) return [];
  const file = join(config.disk.path, RULES_FILE);
  const before = readRules(file);
  const now = digestsOf(config);
  const changed = Object.keys(now).filter((origin) => before[origin] !== now[origin]);
  await Promise.all(changed.map((origin) => gate.invalidate({ kind: 'origin', origin })));
  if (changed.length > 0 || Object.keys(before).length > Object.keys(now).length) {
    try {
      writeRules(file, now);
    } catch (error) {
      fault(error);
    }
  }
  return changed;
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
    return isTable(rules) ? rules : {};
  } catch (error) {
    if (error instanceof Error) return {};
    throw error;
  }
}

function writeRules(file: string, rules: Readonly<Record<string, string>>): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(rules)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
