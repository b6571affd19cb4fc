// Commands as rows of a table: --help, the parsing of a command line, the refusal of wrong values and docs/commands.md go by
// it. Only this file and cli.ts know commander.
//
// A wrong command line exits with 2, where commander would use 1; whatever fails exits with 1.

import { Argument, type Command, Option } from 'commander';
import { TidegateError } from '../../../errors.ts';
import { unknownName } from '../../../options/kit.ts';
import { printableLines } from './text.ts';

/** Output and exit of the commands. Lines come without a line break. */
export interface CommandIo {
  readonly print: (text: string) => void;
  readonly printError: (text: string) => void;
  /** Replaces the line on the screen; undefined without a terminal. */
  readonly progress?: ((text: string) => void) | undefined;
  /** Asks on the terminal; undefined without one. */
  readonly ask?: ((question: string) => Promise<string>) | undefined;
  /** Called for every end but success; must not return. */
  readonly exit: (code: number) => never;
}

export const PROCESS_IO: CommandIo = {
  print: (text) => void process.stdout.write(`${text}\n`),
  printError: (text) => void process.stderr.write(`${text}\n`),
  ...(process.stderr.isTTY && { progress: (text: string) => void process.stderr.write(`\r\u001b[2K${text}`) }),
  ...(process.stdin.isTTY && process.stdout.isTTY && { ask }),
  exit: (code) => process.exit(code),
};

async function ask(question: string): Promise<string> {
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return await terminal.question(question);
  } finally {
    terminal.close();
  }
}

/** An option as commander reads it, e.g. `-H, --header <field>`, or the argument of a command, e.g. `[url]`; and its help. */
export type OptionRow = readonly [flags: string, help: string, rules?: OptionRules];

export interface OptionRules {
  /** The environment variable that stands in for it. */
  readonly env?: string;
  readonly fallback?: string | number;
  readonly choices?: readonly string[];
  /** The value of a text; throws a TidegateError for an impossible one. */
  readonly read?: (text: string) => unknown;
  /** It may be given several times, and its value is a list. */
  readonly repeats?: true;
}

/** Options whose values are texts. */
export type Texts<Names extends string> = { readonly [Name in Names]?: string };

export interface Call<Options> {
  readonly io: CommandIo;
  readonly argument: string | undefined;
  readonly options: Options;
}

export interface CommandRow {
  readonly name: string;
  readonly help: string;
  readonly argument?: OptionRow;
  readonly options?: readonly OptionRow[];
  readonly ends?: string;
  /** Resolves to false to end with 1. Throws a UsageError for a wrong command line. */
  run?(call: Call<object>): Promise<unknown>;
  readonly commands?: readonly CommandRow[];
}

/** The argument of commands that read a configuration. */
export const CONFIG_ARGUMENT: OptionRow = [
  '[config]',
  'configuration file; default: tidegate.config.{ts,mts,mjs,js,json} in this folder',
];

/** A command line that is wrong as a whole. */
export class UsageError extends Error {
  constructor(what: string, got: string) {
    super(`expected ${what}, got ${got}`);
  }
}

/** Refuses a command line that gives none of these, or more than one. They stand under the names they are given by. */
export function exactlyOne(values: Readonly<Record<string, unknown>>): void {
  const names = Object.keys(values);
  const got = names.filter((name) => values[name] !== undefined);
  if (got.length !== 1) throw new UsageError(`one of ${names.join(', ')}`, got.join(' and ') || 'none');
}

/** Prints the answer: its JSON where that is asked for, else its text. */
export function show<Answer>(
  { io, options }: Call<{ readonly json?: true }>,
  answer: Answer,
  text: (answer: Answer) => string,
): Answer {
  io.print(options.json === true ? JSON.stringify(answer) : text(answer));
  return answer;
}

export function addCommands(parent: Command, rows: readonly CommandRow[], io: CommandIo): void {
  for (const row of rows) {
    const command = parent.command(row.name).description(row.help);
    if (row.argument !== undefined) {
      const [flags, about, rules = {}] = row.argument;
      command.addArgument(new Argument(flags, about).argParser(parserOf(flags, rules, command)));
    }
    for (const option of row.options ?? []) command.addOption(optionOf(option, command));
    // Options behind a command of this one are that command's.
    if (row.commands !== undefined) command.enablePositionalOptions();
    if (row.ends !== undefined) command.addHelpText('after', `\n${row.ends}`);
    if (row.run !== undefined) {
      command.action((first: unknown) => {
        const argument = row.argument === undefined ? undefined : (first as string | undefined);
        return runRow(row, command, { io, argument, options: command.opts() });
      });
    }
    addCommands(command, row.commands ?? [], io);
  }
  showUsage(parent, io);
}

/** After an error the usage alone: all of the help would push the error off the screen. */
function showUsage(command: Command, io: CommandIo): void {
  const names: string[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) names.unshift(at.name());
  const name = names.join(' ');
  command
    .configureOutput({
      writeOut: (text) => io.print(text.trimEnd()),
      writeErr: (text) => io.printError(printableLines(text.trimEnd())),
    })
    .exitOverride(({ exitCode }) => io.exit(exitCode === 0 ? 0 : 2))
    .showHelpAfterError(`Usage: ${name} ${command.usage()}\nSee ${name} --help.`);
}

async function runRow(row: CommandRow, command: Command, call: Call<object>): Promise<void> {
  let result: unknown;
  try {
    result = await row.run?.(call);
  } catch (error) {
    if (error instanceof UsageError) command.error(`error: ${error.message}`);
    return failed(call.io, error);
  }
  if (result === false) call.io.exit(1);
}

/** Prints the failure, and ends. An error that is none of ours is a defect, so its stack is shown. */
export function failed(io: CommandIo, error: unknown): never {
  io.printError(
    error instanceof TidegateError ? `${error.code}: ${printableLines(error.message)}` : printableLines(stackOf(error)),
  );
  return io.exit(1);
}

/** Ends a serving process. The first signal ends in order, a second one at once. `failed`: called when the orderly end fails. */
export function endOnSignal(close: () => Promise<void>, failed: (error: unknown) => void): void {
  let ending = false;
  const end = () => {
    if (ending) process.exit(1);
    ending = true;
    close().then(() => process.exit(0), failed);
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
}

export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function optionOf([flags, help, rules = {}]: OptionRow, command: Command): Option {
  const option = new Option(flags, help);
  const { env, fallback, choices, read } = rules;
  if (env !== undefined) option.env(env);
  if (fallback !== undefined) option.default(fallback);
  if (choices !== undefined) option.choices(choices);
  const name = env === undefined ? `${option.long}` : `${option.long} or ${env}`;
  return choices === undefined && read === undefined ? option : option.argParser(parserOf(name, rules, command));
}

function parserOf(name: string, { read, choices, repeats }: OptionRules, command: Command) {
  return (text: string, before: unknown): unknown => {
    try {
      if (choices?.includes(text) === false) throw unknownName(`one of ${choices.join(', ')}`, text, choices);
      const value = read === undefined ? text : read(text);
      return repeats === true ? [...((before as readonly unknown[] | undefined) ?? []), value] : value;
    } catch (error) {
      if (!(error instanceof TidegateError)) throw error;
      return command.error(`error: ${name}: ${error.message}`);
    }
  };
}
