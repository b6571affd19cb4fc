// Decides who may speak to a feed process: anyone with the token, or, without one, programs of this machine.
//
// A browser on this machine can be made to speak to it by any site it visits, by its address or by a name that leads to
// it. So without a token the Host must be a name of loopback, and no page may be behind the request.

import { createHash, timingSafeEqual } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import type { IncomingMessage } from 'node:http';
import { messageOf, TidegateError } from '../../errors.ts';

/** Returns undefined when the request may speak. */
export type Guard = (request: IncomingMessage) => { readonly status: number; readonly error: string } | undefined;

/** The address to listen on. Rejects with E_CONFIG where other machines can reach it and there is no token, E_PORT. */
export async function addressOf(host: string, token: string | undefined): Promise<string> {
  const { address } = await lookup(host).catch((error: unknown) => {
    const got = messageOf(error);
    throw new TidegateError('E_PORT', `expected to listen on ${host} for applications, got ${got}`, { cause: error });
  });
  if (token !== undefined || isLoopback(address)) return address;
  throw new TidegateError(
    'E_CONFIG',
    `expected a token for a feed process on ${host}, which other machines can reach, got none; give one or listen on 127.0.0.1`,
  );
}

export function guardOf(token: string | undefined): Guard {
  if (token === undefined) return fromHere;
  const expected = sha256(token);
  return ({ headers }) => {
    const given = /^bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
    // Digests have one length, so that the comparison tells nothing about the token's.
    if (given !== undefined && timingSafeEqual(sha256(given), expected)) return undefined;
    return { status: 401, error: 'expected the token of the feed process, got another one or none' };
  };
}

const fromHere: Guard = ({ headers }) => {
  const name = (headers.host ?? '').toLowerCase().replace(/:\d*$/, '');
  if (name !== 'localhost' && name !== '[::1]' && !isLoopback(name))
    return { status: 421, error: 'expected a name or an address of loopback as Host, got another one' };
  if (headers.origin === undefined && headers['sec-fetch-site'] === undefined) return undefined;
  return { status: 403, error: 'expected a program, got a page in a browser' };
};

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^(?:::ffff:)?127\.\d+\.\d+\.\d+$/.test(address);
}
