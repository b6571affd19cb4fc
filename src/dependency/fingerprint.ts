// Hashes the facts by which an answer is matched, so that two answers of one statement can be compared.
//
// The number stands for the whole, so two that differ must not share it. It has 53 bits and a seed of the process;
// equal by chance once in 9 × 10^15 pairs.

import type { Scalar } from './change.ts';
import { operandsOf, type Predicate, partsOf } from './condition/predicate.ts';
import type { BoundRead, Instance } from './template.ts';

export function fingerprintOf({ template, reads }: Instance, seed: number): number {
  const hash = new Hash(seed);
  hash.text(template.id);
  for (const read of reads) addRead(hash, read);
  return hash.value;
}

function addRead(hash: Hash, { predicate, keys, bound }: BoundRead): void {
  addPredicate(hash, predicate);
  hash.number(keys?.size ?? -1);
  // Keys in the order of the rows, which two equal answers share.
  for (const key of keys ?? []) hash.text(key);
  hash.number(bound === undefined ? 0 : bound.hasOffset ? 1 : 2);
  for (const cell of bound?.last ?? []) addCell(hash, cell);
}

/** Adds the operands only: the rest is the template's. */
function addPredicate(hash: Hash, predicate: Predicate): void {
  hash.text(predicate.kind);
  if (predicate.kind === 'never') hash.text(predicate.truth);
  const operands = operandsOf(predicate);
  hash.number(operands.length);
  for (const operand of operands) {
    if (operand.kind === 'value') addCell(hash, operand.value);
    else hash.number(operand.kind === 'result' ? operand.column : operand.index);
  }
  for (const part of partsOf(predicate)) addPredicate(hash, part);
}

function addCell(hash: Hash, cell: Scalar | undefined): void {
  if (cell instanceof Uint8Array) {
    hash.number(cell.length);
    for (const byte of cell) hash.number(byte);
  } else hash.text(`${typeof cell}:${String(cell)}`);
}

/** Two FNV-1a side by side, from unlike beginnings. */
class Hash {
  #high: number;
  #low: number;

  constructor(seed: number) {
    this.#high = (0x811c9dc5 ^ seed) >>> 0;
    this.#low = (0x01000193 ^ Math.imul(seed, 0x9e3779b1)) >>> 0;
  }

  get value(): number {
    const high = mixed(this.#high);
    const low = mixed(this.#low ^ high);
    return (high & 0x1fffff) * 2 ** 32 + (low >>> 0);
  }

  text(text: string): void {
    this.number(text.length);
    for (let at = 0; at < text.length; at++) this.number(text.charCodeAt(at));
  }

  number(value: number): void {
    this.#high = Math.imul(this.#high ^ value, 0x01000193);
    this.#low = Math.imul(this.#low ^ value ^ (this.#high >>> 13), 0x85ebca6b);
  }
}

function mixed(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
