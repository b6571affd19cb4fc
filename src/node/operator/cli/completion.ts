// The command `completion`: scripts that complete commands, options and their values, made from the table of commands.
//
// Each script walks the words before the cursor and remembers which command they lead to, as `feed install`; any other word is
// an option's value or an argument. Where nothing is known, the shell completes files.

import type { CommandRow, OptionRow } from './commands.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** A command with the words that lead to it. */
interface Place {
  readonly path: string;
  readonly row: Pick<CommandRow, 'options' | 'commands'>;
}

/** `rows`: all commands, this one among them. */
export function completionRow(rows: () => readonly CommandRow[]): CommandRow {
  const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };
  return {
    name: 'completion',
    help: 'print a script that completes commands and options in a shell',
    commands: SHELLS.map((shell) => ({
      name: shell,
      help: `for ${shell}: ${HOW[shell]}`,
      run: async ({ io }) => io.print(scripts[shell](placesIn({ path: '', row: { commands: rows() } }))),
    })),
  };
}

const HOW = {
  bash: 'eval "$(tidegate completion bash)" in ~/.bashrc',
  zsh: 'source <(tidegate completion zsh) behind compinit in ~/.zshrc',
  fish: 'tidegate completion fish > ~/.config/fish/completions/tidegate.fish',
};

function placesIn(place: Place): readonly Place[] {
  const { path, row } = place;
  const inner = (row.commands ?? []).map((one) => ({ path: path === '' ? one.name : `${path} ${one.name}`, row: one }));
  return [place, ...inner.flatMap(placesIn)];
}

const HELP: OptionRow = ['-h, --help', 'display help'];
const VERSION: OptionRow = ['-V, --version', 'output the version number'];

function optionsOf({ path, row }: Place): readonly OptionRow[] {
  return [...(row.options ?? []), ...(path === '' ? [VERSION] : []), HELP];
}

/** `-H` and `--header` of `-H, --header <field>`. */
function namesOf([flags]: OptionRow): readonly string[] {
  return flags.match(/(?<=^|, )--?[\w-]+/g) ?? [];
}

function takesValue([flags]: OptionRow): boolean {
  return flags.endsWith('>');
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** Patterns of the words before the cursor, for a `case`. */
function patterns(texts: readonly string[]): string {
  return texts.map(quoted).join(' | ') || "'-'";
}

interface Valued {
  readonly words: readonly string[];
  readonly choices: readonly string[];
}

/** The options of each command that take a value. */
function valued(places: readonly Place[]): readonly Valued[] {
  return places.flatMap((place) =>
    optionsOf(place)
      .filter(takesValue)
      .map((option) => ({
        words: namesOf(option).map((name) => `${place.path} ${name}`),
        choices: option[2]?.choices ?? [],
      })),
  );
}

/** A branch of a `case` for the options whose values are known. */
function choiceBranches(options: readonly Valued[], branch: (choices: string, words: string) => string): string {
  const known = options.filter(({ choices }) => choices.length > 0);
  return known.map(({ words, choices }) => branch(choices.join(' '), patterns(words))).join('\n    ');
}

/** Options whose value is anything. */
function freePatterns(options: readonly Valued[]): string {
  return patterns(options.filter(({ choices }) => choices.length === 0).flatMap(({ words }) => words));
}

function bashScript(places: readonly Place[]): string {
  const options = valued(places);
  const lists = places.map((place) => `${quoted(place.path)}) words=${quoted(wordsOf(place).join(' '))} ;;`);
  return `_tidegate() {
  local at= word words i cur=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="$at\${at:+ }\${COMP_WORDS[i]}"
    case "$word" in ${patterns(pathsOf(places))}) at=$word ;; esac
  done
  case "$at \${COMP_WORDS[COMP_CWORD - 1]}" in
    ${choiceBranches(options, (choices, words) => `${words}) COMPREPLY=($(compgen -W ${quoted(choices)} -- "$cur")); return ;;`)}
    ${freePatterns(options)}) return ;;
  esac
  case "$at" in
    ${lists.join('\n    ')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _tidegate tidegate`;
}

function pathsOf(places: readonly Place[]): readonly string[] {
  return places.slice(1).map(({ path }) => path);
}

function wordsOf(place: Place): readonly string[] {
  return [...(place.row.commands ?? []).map(({ name }) => name), ...optionsOf(place).flatMap(namesOf)];
}

function zshScript(places: readonly Place[]): string {
  const options = valued(places);
  const lists = places.map((place) => `(${quoted(place.path)}) found=(${described(place).map(quoted).join(' ')}) ;;`);
  return `#compdef tidegate
_tidegate() {
  local at= word i
  local -a found
  for ((i = 2; i < CURRENT; i++)); do
    word="$at\${at:+ }\${words[i]}"
    case "$word" in (${patterns(pathsOf(places))}) at=$word ;; esac
  done
  case "$at \${words[CURRENT-1]}" in
    ${choiceBranches(options, (choices, words) => `(${words}) compadd -- ${choices}; return ;;`)}
    (${freePatterns(options)}) _files; return ;;
  esac
  case "$at" in
    ${lists.join('\n    ')}
  esac
  _describe -o tidegate found || _files
}
(( $+functions[compdef] )) && compdef _tidegate tidegate`;
}

/** `name:help`, in which `:` is escaped. */
function described(place: Place): readonly string[] {
  const line = (name: string, help: string) => `${name}:${help.replace(/[\\:]/g, '\\$&')}`;
  return [
    ...(place.row.commands ?? []).map(({ name, help }) => line(name, help)),
    ...optionsOf(place).flatMap((option) => namesOf(option).map((name) => line(name, option[1]))),
  ];
}

function fishScript(places: readonly Place[]): string {
  const lines = places.flatMap((place) => {
    const here = `complete -c tidegate -n ${quoted(`__tidegate_at '${place.path}'`)}`;
    return [
      ...(place.row.commands ?? []).map(({ name, help }) => `${here} -f -a ${name} -d ${quoted(help)}`),
      ...optionsOf(place).map((option) => {
        const flags = namesOf(option).map((name) =>
          name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
        );
        const choices = option[2]?.choices;
        const value =
          choices === undefined ? (takesValue(option) ? ['-r'] : []) : [`-x -a ${quoted(choices.join(' '))}`];
        return [here, ...flags, ...value, `-d ${quoted(option[1])}`].join(' ');
      }),
    ];
  });
  const paths = pathsOf(places).map((path) => quoted(` ${path}`));
  return `function __tidegate_at
  set -l at
  for word in (commandline -opc)[2..-1]
    contains -- "$at $word" ${paths.join(' ')}; and set at "$at $word"
  end
  test "$at" = "$argv[1]"; or test "$at" = " $argv[1]"
end
${lines.join('\n')}`;
}
