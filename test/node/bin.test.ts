// The executable on a Node that it cannot run on: it says so in a sentence, where any other file of the package would end with
// a syntax error or a missing function.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import config from '../../rolldown.config.js';
import { NODE, ROOT, run, tempFolder } from '../runtime/node/kit.ts';

const { path, remove } = tempFolder();
const bin = join(path, 'dist', 'node', 'bin.js');

/** The executable as the package has it. */
beforeAll(async () => {
  writeFileSync(join(path, 'package.json'), '{"name":"built","type":"module"}');
  const { output, ...rest } = config as { readonly output: object };
  const bundle = await rolldown({ ...rest, cwd: ROOT, input: { 'node/bin': 'src/node/bin.ts' } });
  await bundle.write({ ...output, dir: join(path, 'dist') });
}, 60_000);
afterAll(remove);

/** A Node of the machine that is older than ours; the tests about one are skipped without it. */
const old = ['/usr/bin/node', '/usr/local/bin/node'].find((node) => {
  if (!existsSync(node)) return false;
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' });
  return Number(/^v(\d+)/.exec(version)?.[1]) < 24;
});

describe('the executable', { timeout: 60_000 }, () => {
  test.skipIf(old === undefined)('says which Node it needs on an older one', async () => {
    const { code, text, stderr } = await run(old as string, [bin, 'check']);
    expect([code, text]).toEqual([1, '']);
    expect(stderr).toMatch(/^tidegate needs Node 24 or later; this is v\d+\.\d+\.\d+ \(\S+\)\. See \S+\n$/);
  });

  test('says that it needs node:sqlite on a Node without it', async () => {
    const { code, stderr } = await run(NODE, ['--no-experimental-sqlite', bin, 'check']);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^tidegate needs node:sqlite; this v\S+ \(\S+\) was built or started without it\. See \S+\n$/,
    );
  });

  test('loads nothing of the package before it has looked', () => {
    expect(readFileSync(bin, 'utf8')).not.toMatch(/^\s*(?:import\b(?!\()|export \* )/m);
  });
});
