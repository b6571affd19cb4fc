// The fields of a ServerResponse, set in the moment in which they would go out.
//
// The answer to a write is kept back until no cache serves anything from before it. An answer is also kept back where a
// process of its own has to know first what was read. If a body reads after its head, the response becomes outdated:
// the process has to know that before a cache can have the whole body, and where it cannot be told the body is broken
// off.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants } from 'node:http2';
import { isSafeMethod } from '../../semantics/unsafe.ts';
import type { Finished, FinishOptions } from '../contract.ts';
import { type Call, headOf, holdBack } from './held-response.ts';
import { finishOptionsOf } from './response-exchange.ts';
import type { RequestScope } from './scope.ts';

type Fields = Finished['fields'];

export interface NodeExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Route of the response, once it goes out. */
  readonly route: () => string;
  readonly settle: () => Promise<Fields>;
}

export function answerWithin(scope: RequestScope, exchange: NodeExchange): void {
  const { request, response, settle } = exchange;
  const writeHead = response.writeHead.bind(response) as Call;
  const isRemote = scope.registry?.isRemote === true;
  let extra: Fields = [];
  response.writeHead = ((...given: unknown[]) => {
    const head = headOf(response, given);
    if (!response.headersSent) {
      const status = typeof head[0] === 'number' ? head[0] : response.statusCode;
      const { fields } = scope.finish(optionsOf(exchange, status));
      for (const [name, value] of [...fields, ...extra]) response.setHeader(name, value);
    }
    return writeHead(...head);
  }) as ServerResponse['writeHead'];
  response.once('close', () => scope.end());
  goOnWhenTold(scope, response);
  const isSafe = isSafeMethod(request.method ?? 'GET');
  if (isSafe && !isRemote) return;
  const registered = () => scope.registered(optionsOf(exchange, response.statusCode));
  const settled = async () => {
    extra = await settle();
    if (extra.length === 0) scope.writes = 'settled';
    await registered();
  };
  holdBack(response, () => (!isSafe && scope.writes !== 'none' ? settled() : registered()));
}

function optionsOf({ request, response, route }: NodeExchange, status: number): FinishOptions {
  const field = (name: string) => {
    const stated = response.getHeader(name);
    return Array.isArray(stated) ? stated.join(', ') : stated === undefined ? undefined : String(stated);
  };
  return finishOptionsOf({ method: request.method ?? 'GET', status, route: route(), field });
}

function goOnWhenTold(scope: RequestScope, response: ServerResponse): void {
  const kept: (() => unknown)[] = [];
  const goOn = (isTold: boolean) => {
    if (!isTold) return breakOff(response);
    // Calls made meanwhile queue behind it.
    for (let call = kept[0]; call !== undefined; call = kept[0]) {
      call();
      kept.shift();
    }
    if (!response.writableEnded) response.emit('drain');
  };
  const fail = () => breakOff(response);
  for (const name of ['write', 'end'] as const) {
    const call = response[name].bind(response) as Call;
    response[name] = ((...given: unknown[]) => {
      if (kept.length === 0) {
        const told = scope.sent.told();
        if (told === undefined) return call(...given);
        told.then(goOn).catch(fail);
      }
      kept.push(() => call(...given));
      return name === 'write' ? false : response;
    }) as never;
  }
}

/** A body that just ends, without a length or by HTTP/2, looks whole; one that is reset does not. */
function breakOff(response: ServerResponse): void {
  const { stream } = response as { stream?: { close?(code: number): void } };
  if (stream?.close !== undefined) return stream.close(constants.NGHTTP2_CANCEL);
  try {
    response.socket?.resetAndDestroy();
    response.destroy();
  } catch {
    // Connections other than TCP, such as TLS, have no reset.
    response.destroy();
  }
}
