// Texts for the terminal: tables, and texts that strangers have written.

import { escapedChar } from '../../../errors.ts';

export function table(rows: readonly (readonly string[])[]): string {
  const shown = rows.map((row) => row.map(printable));
  const widths = (shown[0] ?? []).map((_, column) => Math.max(...shown.map((row) => (row[column] as string).length)));
  const lines = shown.map((row) => row.map((cell, column) => cell.padEnd(widths[column] as number)).join('  '));
  return lines.map((line) => line.trimEnd()).join('\n');
}

/** With control characters and line breaks escaped: a terminal would obey them. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, escapedChar);
}

/** Line by line; the line breaks are our own. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}
