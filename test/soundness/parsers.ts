// Parsers of types as applications have them, which make less of a value than the server sent.

import pg from 'pg';
import type { Dice } from '../sim/dice.ts';

type Parse = (text: string) => unknown;

const withoutFraction: Parse = (text) => text.replace(/\.\d+/, '');
const CUTS: readonly Parse[] = [
  withoutFraction,
  withoutFraction,
  (text) => text.slice(0, 1),
  (text) => Number(text).toFixed(0),
  (text) => new Date(text),
  (text) => (text.length > 3 ? null : text),
  (text) => ({ text }),
];

/** `types` of a client: most as the driver has them. */
export function randomTypes(dice: Dice): { getTypeParser(id: number, format: string): Parse } {
  const own = new Map<number, Parse>();
  const share = dice.pick([0, 0.5, 1]);
  return {
    getTypeParser: (id, format) => {
      const known =
        own.get(id) ?? (dice.chance(share) ? dice.pick(CUTS) : pg.types.getTypeParser(id, format as 'text'));
      own.set(id, known as Parse);
      return known as Parse;
    },
  };
}
