// What the origin has to give, and the bytes that prove it: a body follows from resource, version and variant, to the
// last byte, so that whatever is mixed up, cut or altered shows.

import { createCipheriv, createHash } from 'node:crypto';
import { Dice } from '../sim/dice.ts';

/** Clients name it in Host, so it stands in every cache key; the gate's port changes with each start. */
export const HOST = 'crash.example';

export type Freshness = 'long' | 'short' | 'stale-while-revalidate' | 'no-cache' | 'no-store';

export interface Resource {
  readonly id: number;
  /** `a` to `d`: the first part of the path. */
  readonly section: string;
  readonly path: string;
  readonly url: string;
  readonly tags: readonly string[];
  /** A cache group (RFC 9875). */
  readonly group: string;
  /** True: the body follows from the request's `X-Kind` too. */
  readonly varies: boolean;
  readonly freshness: Freshness;
  readonly size: 'small' | 'middle' | 'large';
  readonly minBytes: number;
  /** Versions differ in length by less than this. */
  readonly spreadBytes: number;
}

export const KINDS = ['x', 'y'] as const;
export const TAGS = Array.from({ length: 12 }, (_, at) => `t${at}`);
export const GROUPS = ['g0', 'g1', 'g2', 'g3', 'g4', 'g5'] as const;
export const SECTIONS = ['a', 'b', 'c', 'd'] as const;

/** From here on a body is a file of its own in the disk tier. */
const LARGE_BODY_BYTES = 4 * 1024 ** 2;

const CACHE_CONTROL: { readonly [freshness in Freshness]: string } = {
  long: 'max-age=36000',
  short: 'max-age=1',
  'stale-while-revalidate': 'max-age=1, stale-while-revalidate=600',
  'no-cache': 'no-cache',
  'no-store': 'no-store',
};

export function cacheControlOf({ freshness }: Resource): string {
  return CACHE_CONTROL[freshness];
}

/** Popular ones first. The same for each seed's run, whatever it does with them. */
export function makeResources(seed: number): Resource[] {
  const dice = new Dice(seed);
  const sizes = [
    ...Array.from({ length: 84 }, () => ({ size: 'small' as const, minBytes: 100 + dice.below(20_000) })),
    ...Array.from({ length: 30 }, () => ({ size: 'middle' as const, minBytes: 20_000 + dice.below(900_000) })),
    ...Array.from({ length: 7 }, () => ({ size: 'large' as const, minBytes: 4_200_000 + dice.below(1_700_000) })),
    // Their versions lie on both sides of the border.
    { size: 'large' as const, minBytes: LARGE_BODY_BYTES - 2 },
    { size: 'large' as const, minBytes: LARGE_BODY_BYTES - 20_000 },
  ];
  return sizes.map(({ size, minBytes }, id) => {
    const section = dice.pick(SECTIONS);
    const path = `/${section}/${size}-${id}`;
    return {
      id,
      section,
      path,
      url: `http://${HOST}${path}`,
      tags: [dice.pick(TAGS), dice.pick(TAGS), `own-${id}`],
      group: dice.pick(GROUPS),
      varies: size !== 'large' && dice.chance(0.2),
      freshness: dice.weighted({ long: 76, short: 8, 'stale-while-revalidate': 8, 'no-cache': 5, 'no-store': 3 }),
      size,
      minBytes,
      spreadBytes: minBytes === LARGE_BODY_BYTES - 2 ? 5 : Math.max(10, Math.floor(minBytes / 8)),
    };
  });
}

/** Which representation of which version: all that the bytes follow from. `kind`: '-' where the resource has but one. */
export interface Claim {
  readonly id: number;
  readonly version: number;
  readonly kind: string;
  readonly bytes: number;
}

export function bodyLength(resource: Resource, version: number): number {
  return resource.minBytes + ((Math.imul(version + resource.id, 2_654_435_761) >>> 8) % resource.spreadBytes);
}

export function claimText({ id, version, kind, bytes }: Claim): string {
  return `${id} ${version} ${kind} ${bytes}`;
}

export function parseClaim(text: string): Claim | undefined {
  const parts = /^(\d+) (\d+) (\S+) (\d+)$/.exec(text);
  return parts === null
    ? undefined
    : { id: Number(parts[1]), version: Number(parts[2]), kind: parts[3] as string, bytes: Number(parts[4]) };
}

export function etagOf(resource: Resource, version: number, kind: string): string {
  return `"${resource.id}.${version}.${kind}"`;
}

/** Undefined: none that the origin ever gives. */
export function parseEtag(etag: string): Omit<Claim, 'bytes'> | undefined {
  const parts = /^(?:W\/)?"(\d+)\.(\d+)\.(\S+)"$/.exec(etag);
  return parts === null ? undefined : { id: Number(parts[1]), version: Number(parts[2]), kind: parts[3] as string };
}

const ZEROS = Buffer.alloc(1024 ** 2);
const BLOCK_BYTES = 16;

/** The bytes of a claim, in order, from `start` on. AES in counter mode: any place can be begun at, at memory speed. */
export class BodyBytes {
  readonly #cipher: ReturnType<typeof createCipheriv>;

  constructor(claim: Claim, start = 0) {
    const key = createHash('sha256').update(claimText(claim)).digest().subarray(0, BLOCK_BYTES);
    const counter = Buffer.alloc(BLOCK_BYTES);
    counter.writeUInt32BE(Math.floor(start / BLOCK_BYTES), BLOCK_BYTES - 4);
    this.#cipher = createCipheriv('aes-128-ctr', key, counter);
    this.#cipher.update(ZEROS.subarray(0, start % BLOCK_BYTES));
  }

  next(bytes: number): Buffer {
    if (bytes <= ZEROS.length) return this.#cipher.update(ZEROS.subarray(0, bytes));
    return Buffer.concat([this.next(ZEROS.length), this.next(bytes - ZEROS.length)]);
  }
}
