// Decodes the messages of PostgreSQL's plugin pgoutput, protocol version 1, into plain data:
// https://www.postgresql.org/docs/18/protocol-logicalrep-message-formats.html
//
// The bytes are in memory that the driver uses again. So each message is read whole at once, and the result keeps no
// reference to the bytes.

import { TidegateError } from '../../../errors.ts';

/** A value in PostgreSQL's text form. Undefined: not sent, because a TOASTed value did not change, or not readable. */
export type TupleCell = string | null | undefined;
export type Tuple = readonly TupleCell[];

export interface RelationColumn {
  readonly name: string;
  /** Object identifier of the type. */
  readonly type: number;
  readonly typeModifier: number;
  /** Whether the column belongs to the replica identity. */
  readonly isIdentity: boolean;
}

export type PgoutputMessage =
  /** `transaction`: the low 32 bits of its number. */
  | { readonly kind: 'begin'; readonly transaction: number }
  /** `end`: LSN of the end of the commit record. */
  | { readonly kind: 'commit'; readonly end: bigint }
  | {
      readonly kind: 'relation';
      readonly id: number;
      readonly schema: string;
      readonly name: string;
      /** As in pg_class.relreplident: d, n, f, i. */
      readonly identity: string;
      readonly columns: readonly RelationColumn[];
    }
  | { readonly kind: 'insert'; readonly relation: number; readonly new: Tuple }
  | { readonly kind: 'update'; readonly relation: number; readonly old: OldTuple | undefined; readonly new: Tuple }
  | { readonly kind: 'delete'; readonly relation: number; readonly old: OldTuple }
  | { readonly kind: 'truncate'; readonly relations: readonly number[] }
  /** Written by pg_logical_emit_message. `isTransactional`: it is sent within its transaction, and only if that commits. */
  | { readonly kind: 'message'; readonly isTransactional: boolean; readonly prefix: string }
  /** A type or an origin, which do not matter here. */
  | { readonly kind: 'other' };

/** `isWhole`: all columns are given. Otherwise only those of the replica identity are, and the others are null. */
export interface OldTuple {
  readonly isWhole: boolean;
  readonly cells: Tuple;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
  }

  byte(): number {
    return this.#view.getUint8(this.#at++);
  }

  letter(): string {
    return String.fromCharCode(this.byte());
  }

  int16(): number {
    this.#at += 2;
    return this.#view.getInt16(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.#view.getInt32(this.#at - 4);
  }

  uint32(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4);
  }

  uint64(): bigint {
    this.#at += 8;
    return this.#view.getBigUint64(this.#at - 8);
  }

  /** A text that ends with a zero byte. */
  name(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw malformed('a name that ends', 'the end of the message');
    const text = decoder.decode(this.#bytes.subarray(this.#at, end));
    this.#at = end + 1;
    return text;
  }

  /** Undefined for text that is not UTF-8: a database of encoding SQL_ASCII may hold any bytes. */
  text(): string | undefined {
    const length = this.int32();
    if (length < 0 || this.#at + length > this.#bytes.length) throw malformed('a value that ends', `${length} bytes`);
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    try {
      return decoder.decode(bytes);
    } catch (error) {
      if (error instanceof TypeError) return undefined;
      throw error;
    }
  }
}

function malformed(expected: string, got: string): TidegateError {
  return new TidegateError('E_FEED', `expected ${expected} in a message of pgoutput, got ${got}`);
}

/** Reads the message from `at` to the end of the bytes. Throws when they are malformed. */
export function readPgoutput(bytes: Uint8Array, at: number): PgoutputMessage {
  try {
    return messageOf(new Reader(bytes, at + 1), String.fromCharCode(bytes[at] ?? 0));
  } catch (error) {
    if (error instanceof RangeError) throw malformed('more bytes', error.message);
    throw error;
  }
}

function messageOf(reader: Reader, letter: string): PgoutputMessage {
  switch (letter) {
    case 'B':
      // Skips the LSN of the commit and its time.
      reader.uint64();
      reader.uint64();
      return { kind: 'begin', transaction: reader.uint32() };
    case 'C':
      reader.byte();
      reader.uint64();
      return { kind: 'commit', end: reader.uint64() };
    case 'R':
      return relationOf(reader);
    case 'I': {
      const relation = reader.uint32();
      expectLetter(reader.letter(), 'N');
      return { kind: 'insert', relation, new: tupleOf(reader) };
    }
    case 'U':
      return updateOf(reader);
    case 'D':
      return { kind: 'delete', relation: reader.uint32(), old: oldOf(reader, reader.letter()) };
    case 'T': {
      const count = reader.int32();
      reader.byte();
      return { kind: 'truncate', relations: Array.from({ length: count }, () => reader.uint32()) };
    }
    case 'M': {
      const isTransactional = reader.byte() === 1;
      // Skips the position of the message.
      reader.uint64();
      return { kind: 'message', isTransactional, prefix: reader.name() };
    }
    case 'Y':
    case 'O':
      return { kind: 'other' };
    default:
      throw malformed('a known kind', JSON.stringify(letter));
  }
}

function relationOf(reader: Reader): PgoutputMessage {
  const id = reader.uint32();
  // The catalogue's own schema is sent as an empty name.
  const schema = reader.name() || 'pg_catalog';
  const name = reader.name();
  const identity = reader.letter();
  const columns: RelationColumn[] = [];
  for (let count = reader.int16(); count > 0; count--) {
    const isIdentity = (reader.byte() & 1) === 1;
    columns.push({ isIdentity, name: reader.name(), type: reader.uint32(), typeModifier: reader.int32() });
  }
  return { kind: 'relation', id, schema, name, identity, columns };
}

function updateOf(reader: Reader): PgoutputMessage {
  const relation = reader.uint32();
  let letter = reader.letter();
  let old: OldTuple | undefined;
  if (letter !== 'N') {
    old = oldOf(reader, letter);
    letter = reader.letter();
  }
  expectLetter(letter, 'N');
  return { kind: 'update', relation, old, new: tupleOf(reader) };
}

function oldOf(reader: Reader, letter: string): OldTuple {
  if (letter !== 'O') expectLetter(letter, 'K');
  return { isWhole: letter === 'O', cells: tupleOf(reader) };
}

function tupleOf(reader: Reader): TupleCell[] {
  const cells: TupleCell[] = [];
  for (let count = reader.int16(); count > 0; count--) {
    const letter = reader.letter();
    if (letter === 't') cells.push(reader.text());
    else if (letter === 'n') cells.push(null);
    else if (letter === 'u') cells.push(undefined);
    else throw malformed('a value of kind t, n or u', JSON.stringify(letter));
  }
  return cells;
}

function expectLetter(letter: string, expected: string): void {
  if (letter !== expected) throw malformed(`a row marked ${expected}`, JSON.stringify(letter));
}
