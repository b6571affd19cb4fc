// Runs a model through spin, which writes a checker in C, and that through gcc.

import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Check } from './checks.ts';

const run = promisify(execFile);
const MODELS = new URL('../../model/', import.meta.url).pathname;
export const INSTALL = 'apt-get install spin gcc libc6-dev';

export interface Result {
  readonly got: 'holds' | 'caught' | 'not finished';
  readonly states: string;
  readonly seconds: number;
}

export function hasSpin(): boolean {
  return existsSync('/usr/bin/spin') && existsSync('/usr/bin/gcc');
}

/** Rejects when the model does not compile. `limitSeconds`: of the search. */
export async function checkModel({ model, defines }: Check, limitSeconds: number): Promise<Result> {
  const cwd = mkdtempSync(join(tmpdir(), 'tidegate-model-'));
  try {
    copyFileSync(join(MODELS, `${model}.pml`), join(cwd, 'model.pml'));
    await run('spin', ['-a', ...defines.map((define) => `-D${define}`), 'model.pml'], { cwd });
    await run('gcc', ['-O2', '-DSAFETY', '-DCOLLAPSE', '-DVECTORSZ=2048', '-o', 'pan', 'pan.c'], { cwd });
    const beganMs = performance.now();
    // Bits of the hash table: 32 MiB to begin with.
    const { stdout } = await run('timeout', [String(limitSeconds), './pan', '-m500000', '-w22'], { cwd }).catch(
      ({ stdout }: { readonly stdout?: string }) => ({ stdout: stdout ?? '' }),
    );
    const [, errors] = /errors: (\d+)/.exec(stdout) ?? [];
    const [, states = ''] = /^\s*([\d.e+]+) states, stored/m.exec(stdout) ?? [];
    // An incomplete search finds nothing for another reason than that nothing is there.
    const isWhole = !/max search depth too small|out of memory/i.test(stdout);
    const got = errors === undefined || !isWhole ? 'not finished' : errors === '0' ? 'holds' : 'caught';
    return { got, states, seconds: (performance.now() - beganMs) / 1_000 };
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}
