// The scripts of `tidegate completion`: each shell that is there completes with it in a process of its own.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../src/node/cli.ts';
import { runCommand } from '../kit/run-command.ts';

const script = async (shell: string) => (await runCommand(COMMANDS, ['completion', shell])).out;
const shellAt = (name: string) => [`/usr/bin/${name}`, `/bin/${name}`].find(existsSync);

describe.skipIf(shellAt('bash') === undefined)('bash', () => {
  async function completed(line: string): Promise<string[]> {
    const words = line.split(' ');
    const asked = [
      await script('bash'),
      // The one that bash would call, by its own table.
      `command=$(complete -p tidegate); command=\${command#*-F }; command=\${command%% *}`,
      `COMP_WORDS=(${words.map((word) => JSON.stringify(word)).join(' ')}) COMP_CWORD=${words.length - 1}`,
      `$command; printf '%s\\n' "\${COMPREPLY[@]}"`,
    ].join('\n');
    const out = execFileSync(shellAt('bash') as string, ['--norc', '-c', asked], { encoding: 'utf8' });
    return out.split('\n').filter((word) => word !== '');
  }

  test('completes commands, and commands of commands', async () => {
    expect(await completed('tidegate ')).toEqual([
      ...COMMANDS.map(({ name }) => name),
      '-V',
      '--version',
      '-h',
      '--help',
    ]);
    expect(await completed('tidegate re')).toEqual(['replay']);
    expect(await completed('tidegate feed in')).toEqual(['install']);
  });

  test('completes the options of the command, also behind values that are names of commands', async () => {
    expect(await completed('tidegate list --ti')).toEqual(['--tier']);
    expect(await completed('tidegate list --tag feed --li')).toEqual(['--limit']);
    expect(await completed('tidegate feed run orders --gate-')).toEqual(['--gate-token']);
  });

  test('completes values that are one of several, and leaves others to the shell', async () => {
    expect(await completed('tidegate list --tier ')).toEqual(['memory', 'disk', 'kv']);
    expect(await completed('tidegate replay --format c')).toEqual(['combined', 'csv']);
    expect(await completed('tidegate populate --file ')).toEqual([]);
  });

  test('knows every command and option of the table', async () => {
    const unknown: string[] = [];
    for (const { name, options = [] } of COMMANDS) {
      const found = await completed(`tidegate ${name} --`);
      for (const [flags] of options) {
        const long = /--[\w-]+/.exec(flags)?.[0] as string;
        if (!found.includes(long)) unknown.push(`${name} ${long}`);
      }
    }
    expect(unknown).toEqual([]);
  });
});

test.each(['zsh', 'fish'])(
  '%s: the script is sound, where that shell is there, and names every command',
  async (shell) => {
    const text = await script(shell);
    for (const { name } of COMMANDS) expect(text).toContain(name);
    const path = shellAt(shell);
    if (path === undefined) return;
    execFileSync(path, ['-n'], { input: text });
  },
);
