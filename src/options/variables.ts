// Values of environment variables, as operators write them.

import { type Duration, msOf } from './durations.ts';

/** What a value may be, for messages, and what it says; undefined: it is none. */
export interface VariableKind<T> {
  readonly expected: string;
  readonly read: (text: string) => T | undefined;
}

export const BOOLEAN: VariableKind<boolean> = {
  expected: 'true or false, 1 or 0',
  read(text) {
    if (/^(?:true|1)$/i.test(text)) return true;
    return /^(?:false|0)$/i.test(text) ? false : undefined;
  },
};

/** In ms. A bare number would be taken for seconds by some and for ms by others. */
export const DURATION_WITH_UNIT: VariableKind<number> = {
  expected: "a duration with a unit (ms, s, m, h, d) such as 5m, or 'Infinity'",
  read(text) {
    if (text === 'Infinity') return Number.POSITIVE_INFINITY;
    return text === '0' ? 0 : msOf(text as Duration);
  },
};

const UNIT_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  ...{ kB: 1000, KB: 1000, MB: 1e6, GB: 1e9, TB: 1e12 },
  ...{ KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 },
};

/** In bytes, at least 1. */
export const SIZE: VariableKind<number> = {
  expected: 'a number of bytes, or a number with a unit such as 50MB or 64MiB',
  read(text) {
    const parts = /^(\d{1,15}(?:\.\d+)?) ?([A-Za-z]+)?$/.exec(text);
    const unit = parts === null ? undefined : UNIT_BYTES[parts[2] ?? 'B'];
    if (parts === null || unit === undefined) return undefined;
    const bytes = Math.floor(Number(parts[1]) * unit);
    return bytes >= 1 && Number.isSafeInteger(bytes) ? bytes : undefined;
  },
};
