// A cache before a handler in simulated time, and handlers that a test answers by hand.

import { createFetchCache, type FetchCacheOptions } from '../../src/web/fetch.ts';
import { type Platform, waitPlainly } from '../../src/web/platform.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';

export function simulated(options: FetchCacheOptions = {}) {
  const time = new SimulatedTime();
  let seed = 1;
  const random = () => {
    seed = (seed * 16807) % 2147483647;
    return seed / 2147483647;
  };
  const platform: Platform = { clock: time, tasks: time, random, catchUp: () => undefined, wait: waitPlainly };
  return { time, cache: createFetchCache(options, platform) };
}

export const get = (path: string, headers: Record<string, string> = {}) =>
  new Request(`http://app.example${path}`, { headers });

export const text = (body: string | null, headers: Record<string, string> = {}, status = 200) =>
  new Response(body, { status, headers });

export const FRESH = { 'cache-control': 'max-age=60' };

export const outcome = (response: Response) => response.headers.get('cache-status');

export const body = async (response: Promise<Response>) => (await response).text();

/** A result that the test gives when it likes. */
export function gate<T>() {
  let open: (value: T) => void = () => undefined;
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

/** Everything that can go on without time passing has gone on. */
export const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

/** `size` bytes in chunks, counted as they are pulled. */
export function counted(size: number, chunkBytes = 64 * 1024) {
  const seen = { pulled: 0, cancelled: false };
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const bytes = Math.min(chunkBytes, size - seen.pulled);
        if (bytes > 0) controller.enqueue(new Uint8Array(bytes).fill(seen.pulled / chunkBytes));
        seen.pulled += bytes;
        if (seen.pulled === size) controller.close();
      },
      cancel() {
        seen.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { body, seen };
}
