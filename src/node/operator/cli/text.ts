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

const NUMBER = new Intl.NumberFormat('en');

/** With commas, e.g. `10,000`. */
export function numberText(count: number): string {
  return NUMBER.format(count);
}

export function percentText(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}

const SIZE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** E.g. `1.5 MiB`. */
export function sizeText(bytes: number): string {
  let amount = bytes;
  let at = 0;
  for (; amount >= 1024 && at < SIZE_UNITS.length - 1; at++) amount /= 1024;
  return `${at === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${SIZE_UNITS[at]}`;
}

const DURATION_UNITS = [
  ['days', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

/** In its largest unit, e.g. `3.5 days`. */
export function durationText(ms: number): string {
  const [unit, size] = DURATION_UNITS.find(([, least]) => ms >= 2 * least) ?? ['ms', 1];
  const amount = ms / size;
  return `${amount >= 100 || unit === 'ms' ? Math.round(amount) : amount.toFixed(1)} ${unit}`;
}

const BAR_CHARS = 24;

/** E.g. `[######                  ] 25 %`. */
export function progressBar(part: number): string {
  const filled = Math.floor(Math.min(1, part) * BAR_CHARS);
  return `[${'#'.repeat(filled)}${' '.repeat(BAR_CHARS - filled)}] ${Math.floor(part * 100)} %`;
}
