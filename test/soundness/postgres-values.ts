// Values of PostgreSQL's types: as an application gives them to the driver, and as a statement writes them out.
//
// One value has many forms. A number may be given as a text, a time as a Date or in another zone,
// 1.0 as 1.00. What an analysis takes two of them for is what is looked at here.

import type { Dice } from '../sim/dice.ts';

export type Kind = keyof typeof KINDS;

export type Family = 'number' | 'text' | 'time' | 'boolean' | 'uuid' | 'bytes' | 'other';

interface KindOf {
  readonly family: Family;
  readonly type: string;
  /** What the server takes for it. */
  readonly texts: readonly string[];
  /** Seldom. */
  readonly odd?: readonly string[];
  /** Two that are equal may be shown differently: then which one a DISTINCT shows is the server's choice. */
  readonly isInexact?: boolean;
}

const SMALL = ['0', '1', '2', '3', '4', '5', '6', '7'];
const TEXTS = [
  'a',
  'ab',
  'abc',
  'A',
  'Ab',
  'b',
  'b ',
  '',
  'a%',
  '10',
  '9',
  '1',
  'é',
  'É',
  '\u{1f30a}',
  '\uff5e',
  "o'k\\",
];
const SHORT = ['a', 'ab', 'abc', 'A', 'b', 'b ', '', '10', '9', 'é'];
/** Larger than a page takes: kept outside of the row, and not told when an update leaves it as it is. */
const LARGE = ['a', 'ab', 'b'].map((text) => text + 'x'.repeat(3000));

export const KINDS = {
  int2: { family: 'number', type: 'smallint', texts: SMALL, odd: ['-1', '32767'] },
  int4: { family: 'number', type: 'integer', texts: SMALL, odd: ['-1', '2147483647'] },
  int8: {
    family: 'number',
    type: 'bigint',
    texts: SMALL,
    odd: ['9007199254740993', '9007199254740992', '-9223372036854775808'],
  },
  numeric: {
    family: 'number',
    type: 'numeric',
    texts: ['0', '1', '1.0', '1.5', '1.50', '2', '2.00', '-0.5', '3', '10'],
    odd: ['NaN', 'Infinity', '-Infinity', '123456789012345678901234567890.5', '0.0000000001'],
    isInexact: true,
  },
  scaled: { family: 'number', type: 'numeric(6,2)', texts: ['0', '1', '1.5', '2', '2.25', '-0.5', '3', '10'] },
  float8: {
    family: 'number',
    type: 'double precision',
    texts: ['0', '0.5', '1', '1.5', '2', '3'],
    odd: ['-0', '0.1', '1e300', 'NaN', 'Infinity', '-Infinity', '9007199254740992'],
    isInexact: true,
  },
  float4: {
    family: 'number',
    type: 'real',
    texts: ['0', '0.5', '1', '1.5', '2'],
    odd: ['0.1', 'NaN'],
    isInexact: true,
  },
  text: { family: 'text', type: 'text', texts: TEXTS },
  varchar: { family: 'text', type: 'varchar(3)', texts: SHORT },
  char: { family: 'text', type: 'char(3)', texts: SHORT },
  large: { family: 'text', type: 'text', texts: [...LARGE, 'a', 'b'] },
  enum: { family: 'other', type: 'mood', texts: ['sad', 'ok', 'happy'] },
  domain: { family: 'number', type: 'small', texts: SMALL },
  boolean: { family: 'boolean', type: 'boolean', texts: ['true', 'false'] },
  uuid: {
    family: 'uuid',
    type: 'uuid',
    texts: Array.from({ length: 8 }, (_, at) => `0000000${at}-aaaa-4bbb-8ccc-00000000000${at}`),
  },
  bytea: { family: 'bytes', type: 'bytea', texts: ['\\x', '\\x61', '\\x6162', '\\xff00'] },
  date: {
    family: 'time',
    type: 'date',
    texts: ['2024-01-01', '2024-01-02', '2024-03-31', '2023-12-31'],
    odd: ['infinity', '-infinity', '0044-03-15 BC', '12024-01-01'],
  },
  timestamp: {
    family: 'time',
    type: 'timestamp',
    texts: ['2024-01-01 00:00:00', '2024-01-01 01:00:00', '2024-01-01 00:00:00.000001', '2024-03-31 02:30:00'],
    odd: ['infinity', '0044-03-15 00:00:00 BC', '2024-01-01 00:00:00.123456'],
  },
  timestamptz: {
    family: 'time',
    type: 'timestamptz',
    texts: [
      '2024-01-01 00:00:00+00',
      '2024-01-01 01:00:00+01',
      '2024-01-01 00:00:00.000001+00',
      '2024-01-01 00:00:00.001+00',
      '2023-12-31 23:00:00+00',
      '2024-03-31 01:30:00+00',
    ],
    odd: ['infinity', '-infinity', '0044-03-15 00:00:00+00 BC', '2024-01-01 00:00:00.123456-08'],
  },
  jsonb: {
    family: 'other',
    type: 'jsonb',
    texts: ['{"a": 1}', '{"a": 2, "b": [1, 2]}', '[1, 2]', '"x"', 'null', '{}'],
  },
  intArray: { family: 'other', type: 'integer[]', texts: ['{}', '{1,2}', '{2}', '{NULL,1}'] },
  textArray: { family: 'other', type: 'text[]', texts: ['{}', '{a,b}', '{a}', '{"A b",NULL}'] },
  interval: { family: 'other', type: 'interval', texts: ['1 day', '24:00:00', '00:00:01'], isInexact: true },
  inet: { family: 'other', type: 'inet', texts: ['10.0.0.1', '10.0.0.0/8'] },
} as const satisfies Readonly<Record<string, KindOf>>;

export function kindOf(kind: Kind): KindOf {
  return KINDS[kind];
}

/** A value of the kind in the server's words. */
export function randomText(dice: Dice, kind: Kind): string {
  const { texts, odd } = kindOf(kind);
  return odd !== undefined && dice.chance(0.06) ? dice.pick(odd) : dice.pick(texts);
}

/** As it may stand in a statement. */
export function literalOf(dice: Dice, kind: Kind, text: string | null): string {
  if (text === null) return 'NULL';
  const { family, type } = kindOf(kind);
  const quoted = `'${text.replaceAll("'", "''")}'`;
  if (family === 'boolean' && dice.chance(0.7)) return text;
  if (family === 'number' && /^-?[\d.]+$/.test(text) && dice.chance(0.7)) return dice.chance(0.05) ? `${text}e0` : text;
  return dice.weighted({ plain: 6, cast: 1.5, typed: 0.5 }) === 'plain' ? quoted : `${quoted}::${type}`;
}

/** As an application gives it to `pg`. */
export function givenOf(dice: Dice, kind: Kind, text: string | null): unknown {
  if (text === null) return null;
  switch (kind) {
    case 'int2':
    case 'int4':
    case 'domain':
      return dice.pick<unknown>([Number(text), Number(text), Number(text), text, BigInt(text)]);
    case 'int8':
      return dice.pick<unknown>([Number(text), text, BigInt(text)]);
    case 'numeric':
    case 'scaled':
    case 'float8':
    case 'float4':
      return dice.pick<unknown>([Number(text), text, Number(text)]);
    case 'boolean':
      return dice.pick<unknown>([text === 'true', text === 'true', text, text[0]]);
    case 'timestamptz':
    case 'timestamp':
    case 'date':
      return momentGiven(dice, text);
    case 'uuid':
      return dice.pick([text, text, text.toUpperCase(), `{${text}}`, text.replaceAll('-', '')]);
    case 'bytea':
      return dice.chance(0.7) ? Buffer.from(text.slice(2), 'hex') : text;
    case 'intArray':
    case 'textArray':
      return dice.chance(0.7) ? listGiven(kind, text) : text;
    case 'jsonb':
      return text.startsWith('{') && dice.chance(0.5) ? JSON.parse(text) : text;
    default:
      return /^\d+$/.test(text) && dice.chance(0.1) ? Number(text) : text;
  }
}

function momentGiven(dice: Dice, text: string): unknown {
  const date = new Date(text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00'));
  if (Number.isNaN(date.getTime()) || dice.chance(0.4)) return text;
  // By the session's zone where it has none, and none where the type has none.
  const other = /[+-]\d\d$/.test(text) && text.includes(':') ? text.replace(/[+-]\d\d$/, '') : `${text}+05`;
  return dice.pick<unknown>([date, date, date.toISOString(), text.replace(' ', 'T'), other]);
}

function listGiven(kind: 'intArray' | 'textArray', text: string): unknown[] {
  const parts = text === '{}' ? [] : text.slice(1, -1).split(',');
  return parts.map((part) => (part === 'NULL' ? null : kind === 'intArray' ? Number(part) : part.replaceAll('"', '')));
}
