// Fetches a document from a configured origin, by the route of clients' requests: so only a configured origin is ever
// asked, whatever a URL says.

import { Readable } from 'node:stream';
import type { GateRequest } from '../../engine/contract.ts';
import { TidegateError } from '../../errors.ts';
import type { Forward } from '../../ports.ts';
import { fieldValue, type ResponseHead } from '../../semantics/fields.ts';

/** The body of a 200; rejects with E_POPULATE, or with the origin's failure. */
export function askOrigin(request: GateRequest, maxBytes: number): Promise<Readable> {
  const { route, target, uri, fields } = request;
  return new Promise((resolve, reject) => {
    let forward: Forward | undefined;
    const body = new Readable({
      read: () => forward?.resume(),
      destroy: (error, done) => {
        forward?.abort();
        done(error);
      },
    });
    // Without a listener an early 'error' would crash the process; iteration reports it too.
    body.on('error', () => {});
    const asked = { method: 'GET', target, fields, body: undefined, retryable: true };
    forward = route.origin.forward(asked, {
      interim: () => {},
      head: (head) => {
        const wrong = wrongWith(uri, head, maxBytes);
        if (wrong === undefined) return resolve(body);
        reject(wrong);
        body.destroy();
      },
      data: (chunk) => {
        if (!body.push(chunk)) forward?.pause();
      },
      end: () => {
        forward = undefined;
        body.push(null);
      },
      failed: (error) => {
        forward = undefined;
        reject(error);
        body.destroy(error);
      },
    });
  });
}

function wrongWith(uri: string, { status, fields }: ResponseHead, maxBytes: number): TidegateError | undefined {
  const say = (expected: string, got: string) =>
    new TidegateError('E_POPULATE', `${uri}: expected ${expected}, got ${got}`);
  // A redirect is not followed: it may lead to another host.
  if (status !== 200) return say('200 from its origin', String(status));
  const length = fieldValue(fields, 'content-length');
  if (Number(length) > maxBytes) return say(`at most ${maxBytes} bytes`, `${length}`);
  const coding = fieldValue(fields, 'content-encoding')?.toLowerCase() ?? 'identity';
  return coding === 'identity' || coding === 'gzip' || coding === 'x-gzip'
    ? undefined
    : say('gzip or no coding', coding);
}
