import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { UNSEEN_MUTANTS } from './unseen-mutants.ts';

it.each(UNSEEN_MUTANTS.map(({ name }) => [name]))(
  'catches a tracker that %s',
  (name) => {
    const script = `${import.meta.dirname}/unseen-mutant-run.ts`;
    const { stdout, stderr } = spawnSync(process.execPath, [script, name], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(stdout.trim()).toMatch(/: /);
  },
  120_000,
);
