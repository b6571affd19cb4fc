// Content codings of the simulation: a coded body is the number of a page in a book, and decoding is looking it up. So what
// is decoded proves what was coded, in which coding, and costs nothing.

import { routeCoding } from '../../src/engine/answers/coded-edits.ts';
import type { Compress } from '../../src/ports.ts';
import { CODINGS, codingChooser } from '../../src/semantics/content-coding.ts';
import type { SimulatedProcess } from '../kit/simulated-process.ts';
import type { Dice } from './dice.ts';

export const CODING_RULES = routeCoding({
  accepted: codingChooser(CODINGS),
  minBytes: 30,
  takesType: (mediaType) => mediaType === 'text/plain',
});

export class Codings {
  readonly #pages: { readonly coding: string; readonly body: Uint8Array }[] = [];
  made = 0;

  /** As a process does it: it takes a while, and fails now and then. */
  compressIn(process: SimulatedProcess, dice: Dice): Compress {
    return async (coding, body) => {
      const copy = body.slice();
      await process.pause(dice.below(30));
      if (dice.chance(0.03)) throw new Error('expected memory for a coding, got none');
      this.made++;
      this.#pages.push({ coding, body: copy });
      return Buffer.from(`${coding}:${this.#pages.length - 1}`);
    };
  }

  /** Undefined: nothing was ever coded to these bytes. */
  decode(coding: string, coded: Uint8Array): Uint8Array | undefined {
    const text = Buffer.from(coded).toString();
    if (!text.startsWith(`${coding}:`)) return undefined;
    const page = this.#pages[Number(text.slice(coding.length + 1))];
    return page?.coding === coding ? page.body : undefined;
  }
}

const CODED_TAG = new RegExp(`~(?:${CODINGS.join('|')})"`, 'g');

/** The entity tags of what was coded. */
export function uncodedTags(etags: string): string {
  return etags.replace(CODED_TAG, '"');
}

/** The coding that an entity tag names. */
export function codingOfTag(etag: string): string | undefined {
  return etag.match(CODED_TAG)?.[0].slice(1, -1);
}

/** True when Accept-Encoding names the coding and does not refuse it; written for the fields that clients send here. */
export function takes(acceptEncoding: string | undefined, coding: string): boolean {
  const members = (acceptEncoding ?? '').split(',').map((member) => member.trim());
  return members.some((member) => member.split(';')[0] === coding && !member.endsWith('q=0'));
}
