import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { TRACK_MUTANTS } from './track-mutants.ts';

it.each(TRACK_MUTANTS.map(({ name }) => [name]))(
  'catches tracking that %s',
  (name) => {
    const script = `${import.meta.dirname}/track-mutant-run.ts`;
    const { stdout, stderr } = spawnSync(process.execPath, [script, name], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(stdout.trim()).toMatch(/: /);
  },
  120_000,
);
