// Literals of SQLite as values.
//
// 1 and 1.0 are not the same to a column of texts ('1', '1.0'), and JavaScript cannot tell them
// apart. A whole number that was written as a real is no literal here.

import type { Scalar } from '../../dependency/change.ts';

const MAX_INTEGER = 2n ** 63n - 1n;

/**
 * Returns undefined when the value it compares as is uncertain. `text` has no digit separators; `isNegative` is its
 * sign.
 */
export function numberOf(text: string, isNegative: boolean): Scalar | undefined {
  if (/^0x/i.test(text)) return hexadecimal(text, isNegative);
  if (/^\d+$/.test(text)) {
    const magnitude = BigInt(text);
    if (magnitude <= MAX_INTEGER) return narrow(isNegative ? -magnitude : magnitude);
    if (isNegative && magnitude === MAX_INTEGER + 1n) return -magnitude;
    return undefined;
  }
  const real = Number(text);
  // Beyond these sizes the text of a real is written in other ways than JavaScript's.
  if (Number.isInteger(real) || !(real > 1e-4 && real < 1e14) || text.length > 15) return undefined;
  return isNegative ? -real : real;
}

/** Two's complement of 64 bits. */
function hexadecimal(text: string, isNegative: boolean): Scalar | undefined {
  const bits = BigInt(text);
  if (bits >= 2n ** 64n) return undefined;
  const value = BigInt.asIntN(64, bits);
  return narrow(isNegative ? -value : value);
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
