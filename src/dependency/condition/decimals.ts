// PostgreSQL's numeric as text: its order, and one key for all texts of one number.
//
// `1.0` and `1.00` are equal and are shown differently. Cells keep the text, so that a change from one to the other is
// a change; only comparisons look through it.

import { compareCodePoints } from './texts.ts';

const PLAIN = /^[+-]?(?:\d+\.?\d*|\.\d+)$/;
/** Greater than all numbers, in this order. */
const SPECIAL: readonly string[] = ['Infinity', 'NaN'];

/** A text that PostgreSQL writes or reads as a numeric, without an exponent. */
export function isDecimal(text: string): boolean {
  return PLAIN.test(text) || text === 'NaN' || text === 'Infinity' || text === '-Infinity';
}

/** NaN is equal to itself and greater than infinity: https://www.postgresql.org/docs/current/datatype-numeric.html */
export function compareDecimals(one: string, other: string): -1 | 0 | 1 {
  if (one === other) return 0;
  const a = decimalKey(one);
  const b = decimalKey(other);
  if (a === b) return 0;
  const isNegative = a.startsWith('-');
  if (isNegative !== b.startsWith('-')) return isNegative ? -1 : 1;
  return isNegative ? compareSizes(b.slice(1), a.slice(1)) : compareSizes(a, b);
}

/** Without zeros that do not count, a plus, and the sign of zero. */
export function decimalKey(text: string): string {
  if (isCanonical(text)) return text;
  const isNegative = text.startsWith('-');
  let start = isNegative || text.startsWith('+') ? 1 : 0;
  while (text.charCodeAt(start) === 0x30) start++;
  let end = text.length;
  if (text.includes('.')) {
    while (text.charCodeAt(end - 1) === 0x30) end--;
    if (text.charCodeAt(end - 1) === 0x2e) end--;
  }
  const digits = end > start ? text.slice(start, end) : '';
  if (digits === '') return '0';
  return (isNegative ? '-' : '') + (digits.startsWith('.') ? `0${digits}` : digits);
}

/** Most are whole numbers, and are so already. */
function isCanonical(text: string): boolean {
  const first = text.charCodeAt(0);
  return (first >= 0x31 && first <= 0x39 && !text.includes('.')) || SPECIAL.includes(text) || text === '-Infinity';
}

function compareSizes(one: string, other: string): -1 | 0 | 1 {
  const a = SPECIAL.indexOf(one);
  const b = SPECIAL.indexOf(other);
  if (a !== -1 || b !== -1) return Math.sign(a - b) as -1 | 0 | 1;
  const difference = wholeLength(one) - wholeLength(other);
  // With equal lengths before the point they sort as texts do: the end of one and the point come before any digit.
  return difference === 0 ? compareCodePoints(one, other) : (Math.sign(difference) as -1 | 1);
}

function wholeLength(text: string): number {
  const point = text.indexOf('.');
  return point === -1 ? text.length : point;
}
