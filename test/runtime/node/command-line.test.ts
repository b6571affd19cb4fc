// The command `tidegate` and how it ends: 2 for a wrong command line, 1 for what cannot be done.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { NODE, type Ran, ROOT, run, serve, tempFolder, until, writeJson } from './kit.ts';

const tidegate = (args: readonly string[], cwd = ROOT): Promise<Ran> =>
  run(NODE, [join(ROOT, 'src', 'node', 'bin.ts'), ...args], { cwd });

function folder(): string {
  const { path, remove } = tempFolder();
  onTestFinished(remove);
  return path;
}

describe('a wrong command line', { timeout: 60_000 }, () => {
  test.each([
    ['serve', '--port', 'abc'],
    ['serve', '--port', '65536'],
    ['serve', '--origin', 'not a url'],
    ['serve', '--demo', 'tidegate.config.ts'],
    ['serve', '--prot', '1'],
    ['check', '--origin', 'http://127.0.0.1:1'],
    ['list', '--tier', 'x'],
    ['nothing'],
  ])('%s %s %s ends with 2, and shows the usage instead of the whole help', async (...args) => {
    const { code, stderr, text } = await tidegate(args);
    expect([code, text]).toEqual([2, '']);
    expect(stderr).toMatch(/^error: .*\n(?:\(Did you mean .*\n)?Usage: tidegate .*\nSee tidegate .*--help\.\n$/);
  });
});

describe('tidegate check', { timeout: 60_000 }, () => {
  const origins = { app: { url: 'http://127.0.0.1:1' } };

  test('names what is wrong with the files that a configuration names, all at once', async () => {
    const cwd = folder();
    writeFileSync(join(cwd, 'file'), '');
    writeJson(join(cwd, 'tidegate.config.json'), {
      origins: { app: { url: 'https://127.0.0.1:1', tls: { ca: 'no-ca.pem' } } },
      listen: {
        tls: {
          certificates: [
            { cert: 'none.pem', key: 'none.key' },
            { cert: 'file', key: 'file' },
          ],
        },
      },
      disk: { path: 'file/cache' },
      populate: { onStart: { file: 'none' } },
      schedule: [{ every: 60_000, file: '.' }],
    });
    const { code, stderr } = await tidegate(['check'], cwd);
    const lines = stderr.trimEnd().split('\n');
    expect([code, lines[0]]).toEqual([1, 'E_CONFIG: the configuration has 6 problems:']);
    expect(lines.slice(1).map((line) => line.trim().split(':')[0])).toEqual([
      'listen.tls.certificates[0].cert',
      'listen.tls.certificates[1].cert',
      'origins.app.tls.ca',
      'disk.path',
      'populate.onStart.file',
      'schedule[0].file',
    ]);
    // The path stands there once.
    expect(lines[1]?.split('none.pem')).toHaveLength(2);
  });

  test('is content with a folder that can be made, and makes none', async () => {
    const cwd = folder();
    writeJson(join(cwd, 'tidegate.config.json'), { origins, disk: { path: 'a/b/c' } });
    const { code, text } = await tidegate(['check'], cwd);
    expect([code, text]).toEqual([0, expect.stringContaining('The configuration is right.')]);
    expect((await run('ls', [cwd])).text).toBe('tidegate.config.json\n');
  });

  test('without a file speaks of what it takes', async () => {
    const { code, stderr } = await tidegate(['check'], folder());
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^E_CONFIG: expected one of .*, got none\n$/)]);
  });
});

test('what came of a reload stands in the log, at level error when it failed', { timeout: 60_000 }, async () => {
  const cwd = folder();
  const config = join(cwd, 'tidegate.config.json');
  const log = join(cwd, 'log');
  const good = { origins: { app: { url: 'http://127.0.0.1:1' } }, log: { level: 'info', file: log } };
  writeJson(config, good);
  const gate = await serve([], { cwd });
  onTestFinished(() => gate.program.stop());
  writeJson(config, { ...good, routs: [] });
  gate.program.signal('SIGHUP');
  const lines = async () =>
    (await run('cat', [log])).text
      .trim()
      .split('\n')
      .filter((line) => line !== '');
  const logged = (message: string) => async () => (await lines()).find((line) => line.includes(message));
  const line = JSON.parse(await until('the failure', logged('not reloaded')));
  expect(line).toMatchObject({ level: 50, err: { code: 'E_CONFIG' } });
  expect(line.err.stack).toBeUndefined();
  writeJson(config, good);
  gate.program.signal('SIGHUP');
  await until('the reload', logged('configuration reloaded'));
});
