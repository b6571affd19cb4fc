// Entries for the bench `disk`, as a fill makes them.

import { cacheKey } from '../../src/entry/key.ts';
import { type StoredResponse, wireForm } from '../../src/entry/stored-response.ts';

/** The host that requests name, whichever port the gate is on. */
export const HOST = 'shop.example';

export function targetOf(number: number): string {
  return `/product/${String(number).padStart(7, '0')}`;
}

export function keyOf(number: number): string {
  return cacheKey({ tenant: '-', originName: 'app' }, 'GET', `http://${HOST}${targetOf(number)}`);
}

const terms = Object.freeze({
  lifetimeMs: 86_400_000,
  source: 'max-age',
  noCache: false,
  mustRevalidate: false,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  graceMs: 0,
} as const);

export interface EntrySetup {
  readonly bodyBytes: number;
  readonly epoch: string;
  readonly stamp: number;
  readonly bornMs: number;
}

export function entryOf(number: number, { bodyBytes, epoch, stamp, bornMs }: EntrySetup): StoredResponse {
  const fields = [
    ...['date', 'Thu, 20 Nov 2025 10:00:00 GMT', 'content-type', 'application/json; charset=utf-8'],
    ...['content-length', String(bodyBytes), 'etag', `"5f3a-${number}"`, 'cache-control', 'public, max-age=86400'],
  ];
  const wire = wireForm(fields, [new Uint8Array(bodyBytes).fill(0x2e)]);
  return {
    ...{ kind: 'response', key: keyOf(number), ...wire, status: 200, bornMs, terms },
    ...{ tags: [`product-${number}`], epoch, stamp, checkedUpTo: stamp },
  };
}
