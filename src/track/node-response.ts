// The fields of a ServerResponse, set in the moment in which they would go out.
//
// The one complication: an answer is kept back where it is that of a write, until no cache serves what was before, and
// where a process of its own has to know first what was read.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { isSafeMethod } from '../semantics/unsafe.ts';
import type { Finished } from './contract.ts';
import { type Call, headOf, holdBack } from './held-response.ts';
import type { RequestScope } from './scope.ts';

type Fields = Finished['fields'];

export interface NodeExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly settle: () => Promise<Fields>;
}

export function answerWithin(scope: RequestScope, { request, response, settle }: NodeExchange): void {
  const writeHead = response.writeHead.bind(response) as Call;
  const isRemote = scope.side?.underway !== undefined;
  let extra: Fields = [];
  response.writeHead = ((...given: unknown[]) => {
    const head = headOf(response, given);
    if (!response.headersSent) {
      const cacheTag = cacheTagOf(response);
      for (const [name, value] of [...scope.finish({ cacheTag }).fields, ...extra]) response.setHeader(name, value);
    }
    return writeHead(...head);
  }) as ServerResponse['writeHead'];
  response.once('close', () => scope.end());
  if (isRemote) endWhenTold(scope, response);
  const isSafe = isSafeMethod(request.method ?? 'GET');
  if (isSafe && !isRemote) return;
  const registered = () => scope.registered({ cacheTag: cacheTagOf(response) });
  const settled = async () => {
    extra = await settle();
    if (extra.length === 0) scope.settled();
    await registered();
  };
  holdBack(response, () => (!isSafe && scope.hasWritten ? settled() : registered()));
}

function cacheTagOf(response: ServerResponse): string | undefined {
  const stated = response.getHeader('cache-tag');
  return Array.isArray(stated) ? stated.join(', ') : stated === undefined ? undefined : String(stated);
}

/** What a body has read late makes it outdated; a cache that has it whole has to be told of that. */
function endWhenTold(scope: RequestScope, response: ServerResponse): void {
  const end = response.end.bind(response) as Call;
  response.end = ((...given: unknown[]) => {
    const told = scope.told();
    if (told === undefined) return end(...given);
    const goOn = () => void end(...given);
    told.then(goOn, goOn);
    return response;
  }) as ServerResponse['end'];
}
