import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { LEASE_MUTANTS } from './lease-mutants.ts';

it.each(LEASE_MUTANTS.map(({ name }) => [name]))(
  'catches a log that %s',
  (name) => {
    const script = `${import.meta.dirname}/lease-mutant-run.ts`;
    const { stdout, stderr } = spawnSync(process.execPath, [script, name], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(stdout.trim()).toMatch(/: /);
  },
  60_000,
);
