// New inputs from old ones. Texts and bytes are changed as bytes; values of JSON as trees, so that they stay JSON.

import type { Dice } from '../sim/dice.ts';

const NUMBERS = [
  '0',
  '-1',
  '1',
  '00',
  '+1',
  '0x10',
  '1e9',
  '2147483648',
  '4294967296',
  '9007199254740993',
  '1'.repeat(30),
];
const BYTES = [0, 9, 10, 13, 32, 34, 37, 44, 58, 59, 61, 92, 127, 128, 255];
const MAX_BYTES = 4_096;

type Change = (bytes: Buffer, dice: Dice) => Buffer;

const CHANGES: readonly Change[] = [
  (bytes, dice) => replaced(bytes, dice, Buffer.of((bytes[dice.below(bytes.length)] ?? 0) ^ (1 << dice.below(8)))),
  (bytes, dice) => replaced(bytes, dice, Buffer.of(dice.pick(BYTES))),
  (bytes, dice) => inserted(bytes, dice, Buffer.of(dice.pick(BYTES))),
  (bytes, dice) => inserted(bytes, dice, Buffer.from(dice.pick(NUMBERS))),
  (bytes, dice) => inserted(bytes, dice, partOf(bytes, dice)),
  (bytes, dice) => replaced(bytes, dice, Buffer.alloc(0), 1 + dice.below(16)),
  (bytes, dice) =>
    Buffer.from(
      bytes.toString('latin1').replace(/\d+/, () => dice.pick(NUMBERS)),
      'latin1',
    ),
  (bytes, dice) =>
    inserted(bytes, dice, Buffer.from(String.fromCharCode(dice.pick(BYTES)).repeat(dice.below(300)), 'latin1')),
];

/** `others`: inputs to take parts of; `words`: what the form of the target is made of. */
export function mutateBytes(
  from: Buffer,
  dice: Dice,
  material: { readonly others: readonly Buffer[]; readonly words: readonly string[] },
): Buffer {
  let bytes = from;
  for (let steps = 1 + dice.below(4); steps > 0; steps--) {
    if (dice.chance(0.35) && material.words.length > 0) {
      const word = Buffer.from(dice.pick(material.words), 'latin1');
      bytes = dice.chance(0.5) ? inserted(bytes, dice, word) : replaced(bytes, dice, word, word.length);
    } else if (dice.chance(0.15)) bytes = inserted(bytes, dice, partOf(dice.pick(material.others), dice));
    else bytes = dice.pick(CHANGES)(bytes, dice);
  }
  return bytes.subarray(0, MAX_BYTES);
}

function inserted(bytes: Buffer, dice: Dice, more: Buffer): Buffer {
  const at = dice.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]);
}

function replaced(bytes: Buffer, dice: Dice, more: Buffer, length = 1): Buffer {
  const at = dice.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at + length)]);
}

function partOf(bytes: Buffer, dice: Dice): Buffer {
  const start = dice.below(bytes.length + 1);
  return bytes.subarray(start, start + 1 + dice.below(40));
}

const ODD: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1.5,
  1e21,
  '',
  ' ',
  '*',
  '__proto__',
  'a\u0000b',
  '\ud800',
  [],
  {},
  [[]],
];
const MAX_NODES = 400;

type Tree = readonly unknown[] | Readonly<Record<string, unknown>>;

export function mutateJson(
  from: unknown,
  dice: Dice,
  material: { readonly others: readonly unknown[]; readonly words: readonly string[] },
): unknown {
  let value = from;
  for (let steps = 1 + dice.below(3); steps > 0; steps--) value = changed(value, dice, material);
  return nodesOf(value) > MAX_NODES ? from : value;
}

function changed(value: unknown, dice: Dice, material: Parameters<typeof mutateJson>[2]): unknown {
  if (isTree(value) && Object.keys(value).length > 0 && dice.chance(0.8)) return within(value, dice, material);
  const { others, words } = material;
  switch (dice.below(6)) {
    case 0:
      return dice.pick(ODD);
    case 1:
      return dice.pick(words);
    case 2:
      return dice.chance(0.1) ? deep(value, 1 + dice.below(200)) : [value];
    case 3:
      return isTree(value) && !Array.isArray(value)
        ? { ...value, [dice.pick(words)]: dice.pick(ODD) }
        : Number(dice.pick(NUMBERS));
    case 4:
      return anyNode(dice.pick(others), dice);
    default:
      return typeof value === 'string'
        ? mutateBytes(Buffer.from(value), dice, { others: [Buffer.from(value)], words }).toString()
        : value;
  }
}

function within(tree: Tree, dice: Dice, material: Parameters<typeof mutateJson>[2]): Tree {
  const key = dice.pick(Object.keys(tree));
  const drops = dice.chance(0.1);
  if (Array.isArray(tree))
    return tree.toSpliced(Number(key), 1, ...(drops ? [] : [changed(tree[Number(key)], dice, material)]));
  const { [key]: member, ...rest } = tree as Record<string, unknown>;
  if (drops) return rest;
  return dice.chance(0.1)
    ? { ...rest, [dice.pick(material.words)]: member }
    : { ...(tree as Record<string, unknown>), [key]: changed(member, dice, material) };
}

function anyNode(value: unknown, dice: Dice): unknown {
  if (!isTree(value) || dice.chance(0.3)) return value;
  const members = Object.values(value);
  return members.length === 0 ? value : anyNode(dice.pick(members), dice);
}

function nodesOf(value: unknown): number {
  return isTree(value) ? Object.values(value).reduce((sum: number, member) => sum + nodesOf(member), 1) : 1;
}

function deep(value: unknown, levels: number): unknown {
  return levels === 0 ? value : deep([value], levels - 1);
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null;
}
