// docs/commands.md is made from the table of commands; `vitest -u` writes it.

import { expect, test } from 'vitest';
import { COMMANDS } from '../src/node/cli.ts';
import type { CommandRow, OptionRow } from '../src/node/operator/cli/commands.ts';

const INTRODUCTION = `# Commands

\`tidegate COMMAND --help\` says the same. A command ends with 0 when it has done what was asked, with 1 when it has not, and
with 2, having done nothing, for a wrong command line. Figures and lists go to the standard output, as JSON with \`--json\`; errors and progress
go to the other one, bars only on a terminal. Colours, too, are for terminals; \`NO_COLOR=1\` takes them away, \`FORCE_COLOR=1\` asks for them.
\`tidegate completion\` completes all this in bash, zsh and fish.
`;

function sectionsOf(rows: readonly CommandRow[], before = 'tidegate'): string[] {
  return rows.flatMap((row) => {
    const { name, help, argument, options = [], ends, commands = [] } = row;
    const heading = [before, name, argument?.[0]].filter((part) => part !== undefined).join(' ');
    const all = [...(argument === undefined ? [] : [argument]), ...options].map(rowOf);
    const table = all.length === 0 ? [] : ['| option | meaning |\n|---|---|', ...all, ''];
    return [`## ${heading}\n`, `${help}\n`, ...table, ...(ends === undefined ? [] : [`${ends}\n`])].concat(
      sectionsOf(commands, `${before} ${name}`),
    );
  });
}

function rowOf([flags, help, { env, fallback, choices } = {}]: OptionRow): string {
  const notes = [
    ...(choices === undefined ? [] : [`one of ${choices.map((choice) => `\`${choice}\``).join(', ')}`]),
    ...(fallback === undefined ? [] : [`default \`${fallback}\``]),
    ...(env === undefined ? [] : [`or \`${env}\` in the environment`]),
  ];
  const shown = `${help}${notes.length === 0 ? '' : `; ${notes.join('; ')}`}`;
  return `| \`${flags}\` | ${shown.replaceAll('*', '\\*').replaceAll('<', '\\<')} |`;
}

test('docs/commands.md has every command and option', async () => {
  await expect([INTRODUCTION, ...sectionsOf(COMMANDS)].join('\n')).toMatchFileSnapshot('../docs/commands.md');
});
