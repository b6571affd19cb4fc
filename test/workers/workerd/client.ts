// A client over HTTP: it reads its answer to the end, or leaves before.

import { request as ask, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { ClientAnswer, ClientRequest } from '../platform/platform.ts';

/** The answer as it arrives. Each has a connection of its own, so that nothing is sent to a process that is gone. */
export function streamedFrom(at: URL, asked: ClientRequest, signal?: AbortSignal): Promise<IncomingMessage> {
  const { method, url, headers = {}, body } = asked;
  const { host, pathname, search } = new URL(url);
  return new Promise((resolve, reject) => {
    const sent = ask({
      ...{ host: at.hostname, port: at.port, method, path: pathname + search, agent: false },
      headers: { ...headers, host },
      ...(signal !== undefined && { signal }),
    });
    sent.on('response', resolve).on('error', reject).end(body);
  });
}

/** `leavesAfterMs`: it leaves then, if it has no whole answer yet. */
export async function askedOf(at: URL, asked: ClientRequest, leavesAfterMs?: number): Promise<ClientAnswer> {
  const leaving = new AbortController();
  const timer = leavesAfterMs === undefined ? undefined : setTimeout(() => leaving.abort(), leavesAfterMs);
  try {
    const response = await streamedFrom(at, asked, leaving.signal);
    const body = (await buffer(response)).toString();
    return { kind: 'answer', status: response.statusCode ?? 0, headers: headersOf(response), body };
  } catch (error) {
    return leaving.signal.aborted ? { kind: 'cut' } : { kind: 'failed', error: String(error) };
  } finally {
    clearTimeout(timer);
  }
}

export function headersOf({ headersDistinct }: IncomingMessage): Headers {
  const pairs = Object.entries(headersDistinct).flatMap(([name, values = []]) =>
    values.map((value): [string, string] => [name, value]),
  );
  return new Headers(pairs);
}
