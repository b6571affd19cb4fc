import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { DATA_MUTANTS } from './data-mutants.ts';

it.each(DATA_MUTANTS.map(({ name }) => [name]))(
  'catches a data cache that %s',
  (name) => {
    const script = `${import.meta.dirname}/data-mutant-run.ts`;
    const { stdout, stderr } = spawnSync(process.execPath, [script, name], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(stdout.trim()).toMatch(/: /);
  },
  60_000,
);
