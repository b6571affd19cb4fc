// Colours of the terminal. NO_COLOR takes them away, FORCE_COLOR asks for them where the output is no terminal.

import { styleText } from 'node:util';

export type Colour = Parameters<typeof styleText>[0];

/** The text in the colour, where the standard output is to have any. */
export function coloured(colour: Colour, text: string): string {
  return styleText(colour, text, { stream: process.stdout });
}

const BY_OUTCOME: Readonly<Record<string, Colour>> = {
  hit: 'green',
  collapsed: 'green',
  validated: 'cyan',
  stale: 'yellow',
  bypass: 'magenta',
  error: 'red',
  refused: 'red',
};

export function outcomeColoured(outcome: string, text: string): string {
  const colour = BY_OUTCOME[outcome];
  return colour === undefined ? text : coloured(colour, text);
}
