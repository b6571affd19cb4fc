// A thousand spellings of a preference for one URL: what is in use stays stored, and with the operator's list the origin is asked a
// bounded number of times. test/engine/preferences.test.ts sends ten thousand, without sockets.

import type { Row } from '../rows.ts';
import { HOST, isHit, type World } from '../world.ts';
import { mirror } from './mirror.ts';

const SPELLINGS = 1_000;
/** Requests of one connection. */
const BATCH = 100;

async function flood(world: World, path: string, fieldOf: (at: number) => string): Promise<void> {
  for (let at = 0; at < SPELLINGS; at += BATCH) {
    const client = world.connect();
    const heads = Array.from({ length: BATCH }, (_, more) => {
      const last = more === BATCH - 1 ? 'Connection: close\r\n' : '';
      return `GET ${path} HTTP/1.1\r\nHost: ${HOST}\r\n${last}${fieldOf(at + more)}\r\n\r\n`;
    });
    await client.send(heads.join(''));
    await client.untilEnded(5_000);
    client.destroy();
  }
}

interface Flood {
  readonly name: string;
  readonly folder: string;
  readonly vary: string;
  readonly honest: string;
  readonly spell: (at: number) => string;
  readonly most: number;
}

function floodRow({ name, folder, vary, honest, spell, most }: Flood): Row {
  return {
    name,
    rule: 'RFC 9110 §12.5',
    expected: `a hit, at most ${most} forwarded`,
    run: async (world) => {
      const path = world.path(folder);
      world.origin.answer(path, mirror({ vary }));
      await world.ask(path, { fields: [`${vary}: ${honest}`] });
      await flood(world, path, (at) => `${vary}: ${spell(at)}`);
      const asked = world.forwarded().filter(({ target }) => target === path).length;
      const got = await world.ask(path, { fields: [`${vary}: ${honest}`] });
      return `${isHit(got) ? 'a hit' : 'no hit'}, at most ${asked <= most ? most : asked} forwarded`;
    },
  };
}

const thousandths = (at: number) => `0.${String((at % 999) + 1).padStart(3, '0')}`;

export const SPELLING_ROWS: readonly Row[] = [
  floodRow({
    name: 'made-up languages, with a list',
    folder: '/listed/language',
    vary: 'Accept-Language',
    honest: 'de-AT, en;q=0.5',
    spell: (at) => `x-${at}, en-${at};q=${thousandths(at)}, de;q=0.${at % 10}`,
    most: 4,
  }),
  floodRow({
    name: 'made-up codings, with a list',
    folder: '/listed/coding',
    vary: 'Accept-Encoding',
    honest: 'gzip, deflate, br',
    spell: (at) => `x${at}, gzip;q=${thousandths(at)}, br;q=${thousandths(at * 7)}`,
    most: 4,
  }),
  floodRow({
    name: 'one preference in other letters, weights and refusals',
    folder: '/spelt',
    vary: 'Accept-Language',
    honest: 'de, en;q=0.5',
    spell: (at) => {
      const spaces = ' '.repeat(at % 20);
      const refused = at % 3 === 0 ? '' : `,fr-${at};q=0`;
      return `${at % 2 === 0 ? 'DE' : 'de;q=1.0'}${spaces},${['en', 'EN', 'En'][at % 3]};q=0.5${'0'.repeat(at % 3)}${refused}`;
    },
    most: 1,
  }),
];
