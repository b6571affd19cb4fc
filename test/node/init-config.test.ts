// `tidegate init`: what it asks, and that the gate takes what it writes.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { loadConfig } from '../../src/node/config/config.ts';
import { INIT } from '../../src/node/operator/cli/init-command.ts';
import { initConfig } from '../../src/node/operator/cli/init-config.ts';
import { runCommand } from '../kit/run-command.ts';
import { tempFolder } from '../runtime/node/kit.ts';

let folder: ReturnType<typeof tempFolder>;
beforeEach(() => {
  folder = tempFolder();
});
afterEach(() => {
  folder.remove();
  vi.restoreAllMocks();
});

const init = (...args: string[]) =>
  runCommand([INIT], ['init', '--file', join(folder.path, 'tidegate.config.ts'), ...args]);
const written = () => loadConfig({ cwd: folder.path });

describe('init', () => {
  test('writes a configuration that the gate takes, from flags alone', async () => {
    const origin = 'http://127.0.0.1:3456';
    const { code, out, err } = await init('--yes', '--origin', origin);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^wrote .*tidegate\.config\.ts\. Next: npx tidegate doctor/);
    const config = await written();
    expect(config.origins.app?.url).toBe(origin);
    expect([config.listen.port, config.disk, config.routes[0]?.ttlMs]).toEqual([8080, undefined, undefined]);
  });

  test('writes a TTL, a folder with a quote in its name, and a port', async () => {
    const flags = ['--ttl', '90s', '--disk', "it's", '--port', '8000'];
    expect((await init('--yes', '--origin', 'http://127.0.0.1:1', ...flags)).code).toBe(0);
    const { routes, disk, listen } = await written();
    expect([routes[0]?.ttlMs, routes[0]?.cookies?.drop?.[0], listen.port]).toEqual([90_000, '_ga*', 8000]);
    expect(disk?.path).toBe(join(folder.path, "it's"));
  });

  test('asks for what flags do not say, again where the answer is none, and takes what stands in brackets', async () => {
    const questions: string[] = [];
    const errors: string[] = [];
    const answers = ['nonsense', 'http://127.0.0.1:4000', '', ' 5m '];
    const io = {
      print: () => {},
      printError: (text: string) => void errors.push(text),
      ask: async (question: string) => {
        questions.push(question);
        return answers.shift() ?? expect.unreachable();
      },
      exit: () => expect.unreachable(),
    };
    const file = join(folder.path, 'tidegate.config.ts');
    await initConfig({ io, argument: undefined, options: { file, disk: 'none' } });
    expect(questions.map((question) => /\[(.*)\]: $/.exec(question)?.[1])).toEqual([
      'http://127.0.0.1:3000',
      'http://127.0.0.1:3000',
      '8080',
      'origin',
    ]);
    expect(errors).toEqual([expect.stringContaining('expected an http or https URL without a path')]);
    const config = await written();
    expect([config.origins.app?.url, config.listen.port, config.routes[0]?.ttlMs]).toEqual([
      'http://127.0.0.1:4000',
      8080,
      300_000,
    ]);
  });

  test('without a terminal and without --origin it is a wrong command line', async () => {
    expect(await init()).toMatchObject({ code: 2, err: expect.stringContaining('--origin') });
  });

  test('replaces nothing unless told to', async () => {
    const file = join(folder.path, 'tidegate.config.ts');
    writeFileSync(file, 'mine');
    expect(await init('--yes', '--origin', 'http://127.0.0.1:1')).toMatchObject({ code: 1 });
    expect(readFileSync(file, 'utf8')).toBe('mine');
    expect((await init('--yes', '--origin', 'http://127.0.0.1:1', '--force')).code).toBe(0);
  });
});
