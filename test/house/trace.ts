// Traces the journeys of a checkout, each in a process of its own.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

/** By file, the functions that are called: where each stands, and its name. */
export type Crossed = Readonly<Record<string, readonly string[]>>;

export interface Crossing {
  readonly files: number;
  readonly functions: number;
}

const TIMEOUT_MS = 120_000;
const MAX_BYTES = 64 * 1024 * 1024;
const beside = (name: string) => new URL(name, import.meta.url);

/** `root`: folder of the checkout, with its `node_modules`. */
export async function traceJourney(root: string, name: string): Promise<Crossed> {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-house-'));
  try {
    const checkout = pathToFileURL(join(root, '/')).href;
    // Not as a flag: threads that are started with flags of their own take it from here alone.
    const env = { ...process.env, NODE_OPTIONS: `--import=${beside('./recorder.ts').href}` };
    const args = [fileURLToPath(beside('./journey.ts')), checkout, name, folder];
    const options = { env, timeout: TIMEOUT_MS, maxBuffer: MAX_BYTES };
    const { stdout } = await promisify(execFile)(process.execPath, args, options);
    return JSON.parse(stdout.trimEnd().split('\n').at(-1) as string) as Crossed;
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

export function crossingOf(crossed: Crossed): Crossing {
  const functions = Object.values(crossed).reduce((sum, names) => sum + names.length, 0);
  return { files: Object.keys(crossed).length, functions };
}
