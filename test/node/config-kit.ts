// What tests of the configuration of Node stand on.

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TidegateError } from '../../src/errors.ts';
import { resolveConfig } from '../../src/node/config/config.ts';

export const origins = { app: { url: 'http://127.0.0.1:3000' } };

export function refusal(raw: unknown, env = {}): TidegateError {
  try {
    resolveConfig(raw, { env });
  } catch (error) {
    if (error instanceof TidegateError) return error;
    throw error;
  }
  throw new Error('expected a refusal, got none');
}

export function folder(files: Record<string, string>): string {
  const directory = mkdtempSync(join(tmpdir(), 'tidegate-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}
