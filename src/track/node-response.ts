// The fields of a ServerResponse, set in the moment in which they would go out.
//
// The one complication: an answer to a write is kept back, and `write` and `end` cannot wait. So what is done to the
// response is written down, and done once no cache serves what was before.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { isSafeMethod } from '../semantics/unsafe.ts';
import type { Finished } from './contract.ts';
import type { RequestScope } from './scope.ts';

export interface NodeExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly settle: () => Promise<boolean>;
}

type Call = (...given: unknown[]) => unknown;
type Fields = Finished['fields'];

export function answerWithin(scope: RequestScope, { request, response, settle }: NodeExchange): void {
  const writeHead = response.writeHead.bind(response) as Call;
  let extra: Fields = [];
  response.writeHead = ((...given: unknown[]) => {
    const head = headOf(response, given);
    const stated = response.getHeader('cache-tag');
    const cacheTag = Array.isArray(stated) ? stated.join(', ') : stated === undefined ? undefined : String(stated);
    if (!response.headersSent) {
      for (const [name, value] of [...scope.finish({ cacheTag }).fields, ...extra]) response.setHeader(name, value);
    }
    return writeHead(...head);
  }) as ServerResponse['writeHead'];
  response.once('close', () => scope.end());
  if (isSafeMethod(request.method ?? 'GET')) return;
  keepBack(response, async () => {
    if (!scope.hasWritten) return;
    if (await settle()) scope.settled();
    else extra = [['Tidegate-Settled', 'no']];
  });
}

/** Fields given to writeHead are set before it, so that those of ours are not put under them. */
function headOf(response: ServerResponse, given: readonly unknown[]): readonly unknown[] {
  const fields = given.at(-1);
  if (typeof fields !== 'object' || fields === null) return given;
  if (Array.isArray(fields)) {
    const flat = fields.flat() as string[];
    const seen = new Set<string>();
    for (let at = 0; at + 1 < flat.length; at += 2) {
      const name = flat[at] as string;
      if (seen.has(name.toLowerCase())) response.appendHeader(name, flat[at + 1] as string);
      else response.setHeader(name, flat[at + 1] as string);
      seen.add(name.toLowerCase());
    }
  } else {
    for (const [name, value] of Object.entries(fields)) {
      if (value !== undefined) response.setHeader(name, value as string);
    }
  }
  return given.slice(0, -1);
}

const KEPT = ['writeHead', 'write', 'end', 'flushHeaders'] as const;

function keepBack(response: ServerResponse, wait: () => Promise<void>): void {
  const methods = new Map<string, Call>(KEPT.map((name) => [name, response[name].bind(response) as Call]));
  const calls: (readonly [name: string, given: readonly unknown[]])[] = [];
  let isBegun = false;
  let isOver = false;
  const replay = () => {
    isOver = true;
    for (const name of KEPT) Reflect.set(response, name, methods.get(name));
    for (const [name, given] of calls) methods.get(name)?.(...given);
    if (calls.some(([name]) => name === 'write') && !response.writableEnded) response.emit('drain');
  };
  for (const name of KEPT) {
    Reflect.set(response, name, (...given: unknown[]) => {
      if (isOver) return methods.get(name)?.(...given);
      calls.push([name, given]);
      // A head alone says nothing yet: the handler may write before it goes on.
      if (!isBegun && name !== 'writeHead') {
        isBegun = true;
        wait().then(replay, replay);
      }
      return name === 'write' ? false : response;
    });
  }
}
