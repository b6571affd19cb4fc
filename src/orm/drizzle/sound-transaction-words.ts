// Statements about transactions and the session, told by their first words.
//
// The one complication: savepoints. In PostgreSQL they are always within a transaction; in SQLite the outermost one begins
// a transaction, and its release commits it.

import type { Control } from './sound-draft.ts';
import type { Dialect, Token } from './sound-text.ts';
import { CONTROLS, HARMLESS_STATEMENTS } from './sound-words.ts';

interface Controlling {
  readonly control: Control;
  readonly chains: boolean;
  readonly savepoint: string;
}

const OTHER: Controlling = { control: 'other', chains: false, savepoint: '' };

/** Undefined: it is no such statement. */
export function controlOf(tokens: readonly Token[], dialect: Dialect): Controlling | undefined {
  const [first = '', second] = tokens.map(({ text }) => text);
  if (first === 'commit' && second === 'prepared') return undefined;
  const isReturn = first === 'rollback' && tokens.some(({ kind, text }) => kind === 'word' && text === 'to');
  if (dialect === 'sqlite' && (first === 'savepoint' || first === 'release' || isReturn)) {
    return { control: isReturn ? 'return' : first, chains: false, savepoint: savepointOf(tokens) } as Controlling;
  }
  if (isReturn || HARMLESS_STATEMENTS.has(first)) return OTHER;
  const control = Object.hasOwn(CONTROLS, first) ? CONTROLS[first] : undefined;
  const chains = tokens.at(-1)?.text === 'chain' && tokens.at(-2)?.text !== 'no';
  return control === undefined ? undefined : { control, chains, savepoint: '' };
}

/** SQLite compares names without the case of the letters of ASCII, and of no others. */
function savepointOf(tokens: readonly Token[]): string {
  return (tokens.at(-1)?.text ?? '').replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}
