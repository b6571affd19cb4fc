// The Durable Object of the log alone, and a Worker that hands calls on to it, for its contract.

import type { LogKeeper } from '../../../src/log/lease/messages.ts';
import { createGate } from '../../../src/workers/index.ts';

const gate = createGate({ origins: { none: { url: 'http://origin.invalid' } } });

export const { TidegateLog } = gate;

interface Env {
  readonly TIDEGATE_LOG: { getByName(name: string): LogKeeper };
}

/** One call, as the test sends it. */
export interface SentCall {
  readonly object: string;
  readonly method: 'renew' | 'append';
  readonly request: never;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { object, method, request: asked } = (await request.json()) as SentCall;
    try {
      const { membership, ...reply } = await env.TIDEGATE_LOG.getByName(object)[method](asked);
      if (membership === undefined) return Response.json(reply);
      const { indexes, positions } = membership.image;
      const image = { ...membership.image, indexes: [...indexes], positions: [...positions] };
      return Response.json({ ...reply, membership: { ...membership, image } });
    } catch (error) {
      return new Response(String(error), { status: 500 });
    }
  },
};
