// What stands at the far end of a simulated service binding: the request arrives there as plain data, and its answer comes
// back bit by bit.

import { type Invocation, RequestWithCf } from './isolate.ts';
import type { World } from './world.ts';

export interface ServedRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: string;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parts of the body, each with the time that it takes after the one before. */
  readonly parts: readonly { readonly text: string; readonly afterMs: number }[];
}

export type Serve = (request: ServedRequest) => Reply | Promise<Reply>;

interface Fetcher {
  fetch(input: Request | string | URL, init?: RequestInit): Promise<Response>;
}

/** The service as an isolate reaches it. */
export function fetcherTo(world: World, service: string, serve: Serve): Fetcher {
  return {
    async fetch(input, init) {
      const caller = world.current(service);
      const request = new RequestWithCf(input, init);
      const sent: ServedRequest = {
        method: request.method,
        url: new URL(request.url),
        headers: request.headers,
        body: request.body === null ? '' : await request.text(),
      };
      request.signal.throwIfAborted();
      const aborted = new Promise<never>((_, reject) => {
        request.signal.addEventListener('abort', () => reject(request.signal.reason));
      });
      aborted.catch(() => undefined);
      const reply = await Promise.race([world.call(service, () => serve(sent)), aborted]);
      return responseOf(world, caller, reply);
    },
  };
}

function responseOf(world: World, caller: Invocation, { status, headers, parts }: Reply): Response {
  const isEmpty = [204, 304].includes(status) || parts.length === 0;
  return new Response(isEmpty ? null : streamOf(world, caller, parts), { status, headers });
}

function streamOf(world: World, caller: Invocation, parts: Reply['parts']): ReadableStream {
  let over = false;
  return new ReadableStream({
    start(controller) {
      let delayMs = 0;
      for (const { text, afterMs } of parts) {
        delayMs += afterMs;
        world.at(delayMs, () => caller.resume(() => over || controller.enqueue(new TextEncoder().encode(text))));
      }
      world.at(delayMs, () => caller.resume(() => over || controller.close()));
    },
    cancel() {
      over = true;
    },
  });
}
