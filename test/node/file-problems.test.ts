// Files that a configuration names, looked at before a start.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { resolveConfig } from '../../src/node/config/config.ts';
import { fileProblems } from '../../src/node/config/file-problems.ts';
import { folder, origins } from './config-kit.ts';

test('the file of the log: one that is there, or that can be made', () => {
  const directory = folder({});
  const problems = (file: string) => fileProblems(resolveConfig({ origins, log: { file } }, { env: {}, directory }));
  expect(problems('access.log')).toEqual([]);
  writeFileSync(join(directory, 'access.log'), '');
  expect(problems('access.log')).toEqual([]);
  expect(problems('.')).toEqual([`log.file: expected a file that can be written, got a folder: ${directory}`]);
  expect(problems('none/access.log')).toEqual([
    expect.stringMatching(/^log\.file: expected a file that can be written, got ENOENT: .*none/),
  ]);
});
