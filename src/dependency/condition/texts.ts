// Texts as databases order them, and the keys under which they are equal; among them PostgreSQL's numeric, of which `1.0`
// and `1.00` are equal and are shown differently: cells keep the text, so that a change from one to the other is a
// change, and only comparisons look through it.
//
// Databases compare bytes of UTF-8, JavaScript compares units of UTF-16. The two differ where a
// surrogate meets a character from U+E000 up; and SQLite's NOCASE looks no further than a zero character, but at lengths.

import type { ColumnType } from '../change.ts';

const ZERO = '\0';

/** Compares texts by their bytes in UTF-8, which is the order of their code points. */
function compareCodePoints(one: string, other: string): -1 | 0 | 1 {
  if (one === other) return 0;
  const end = Math.min(one.length, other.length);
  for (let at = 0; at < end; at++) {
    const a = one.charCodeAt(at);
    const b = other.charCodeAt(at);
    if (a !== b) return inOrder(a) < inOrder(b) ? -1 : 1;
  }
  return one.length < other.length ? -1 : 1;
}

interface TextRules {
  readonly compare: (one: string, other: string) => -1 | 0 | 1;
  /** Equal texts have the same one. */
  readonly key: (text: string) => string;
}

const BINARY: TextRules = { compare: compareCodePoints, key: (text) => text };
const NOCASE: TextRules = { compare: compareFolded, key: foldedKey };
const DECIMAL: TextRules = { compare: compareDecimals, key: decimalKey };
const PADDED: TextRules = {
  compare: (one, other) => compareCodePoints(withoutPadding(one), withoutPadding(other)),
  key: withoutPadding,
};

/** By collation of SQLite (https://www.sqlite.org/datatype3.html §7.1), and by type of PostgreSQL; undefined: not known. */
export function textRulesOf(type: ColumnType): TextRules | undefined {
  switch (type.family === 'sqlite' ? type.collation : type.type) {
    case 'binary':
    case 'text':
    case 'uuid':
      return BINARY;
    case 'nocase':
      return NOCASE;
    case 'rtrim':
    case 'char':
      return PADDED;
    case 'decimal':
      return DECIMAL;
    default:
      return undefined;
  }
}

/** Spaces at the end, and nothing else, do not count in RTRIM and in char(n). */
function withoutPadding(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 0x20) end--;
  return end === text.length ? text : text.slice(0, end);
}

/** A unit of UTF-16, upper case letters of ASCII as lower case ones. */
export function foldUnit(unit: number): number {
  return unit >= 0x41 && unit <= 0x5a ? unit + 32 : unit;
}

/** Surrogates stand for code points that come after all other units. */
function inOrder(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

function compareFolded(one: string, other: string): -1 | 0 | 1 {
  const end = Math.min(one.length, other.length);
  for (let at = 0; at < end; at++) {
    const a = foldUnit(one.charCodeAt(at));
    const b = foldUnit(other.charCodeAt(at));
    if (a !== b) return inOrder(a) < inOrder(b) ? -1 : 1;
    if (a === 0) break;
  }
  return Math.sign(utf8Length(one) - utf8Length(other)) as -1 | 0 | 1;
}

function foldedKey(text: string): string {
  const zero = text.indexOf(ZERO);
  return zero === -1 ? foldAscii(text) : `${foldAscii(text.slice(0, zero))}${ZERO}${utf8Length(text)}`;
}

/** Upper case letters of ASCII as lower case ones. */
export function foldAscii(text: string): string {
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 0x41 && unit <= 0x5a) return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  }
  return text;
}

function utf8Length(text: string): number {
  let length = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    // A pair of surrogates is two units and four bytes.
    if (unit >= 0x80) length += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2;
  }
  return length;
}

const PLAIN = /^[+-]?(?:\d+\.?\d*|\.\d+)$/;
/** Greater than all numbers, in this order. */
const SPECIAL: readonly string[] = ['Infinity', 'NaN'];

/** A text that PostgreSQL writes or reads as a numeric, without an exponent. */
export function isDecimal(text: string): boolean {
  return PLAIN.test(text) || text === 'NaN' || text === 'Infinity' || text === '-Infinity';
}

/** NaN is equal to itself and greater than infinity: https://www.postgresql.org/docs/current/datatype-numeric.html */
function compareDecimals(one: string, other: string): -1 | 0 | 1 {
  const a = decimalKey(one);
  const b = decimalKey(other);
  if (a === b) return 0;
  const isNegative = a.startsWith('-');
  if (isNegative !== b.startsWith('-')) return isNegative ? -1 : 1;
  return isNegative ? compareSizes(b.slice(1), a.slice(1)) : compareSizes(a, b);
}

/** Without zeros that do not count, a plus, and the sign of zero. */
function decimalKey(text: string): string {
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
