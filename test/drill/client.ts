// One request of a client, and what came back.

import { type Agent, request } from 'node:http';

export interface Asked {
  readonly url: string;
  readonly agent?: Agent | undefined;
  readonly timeoutMs: number;
  readonly body?: string;
  readonly host?: string;
}

export interface Reply {
  readonly status: number;
  readonly text: string;
  field(name: string): string;
}

/** Undefined: no whole answer came in time. */
export function ask({ url, agent, timeoutMs, body, host }: Asked): Promise<Reply | undefined> {
  return new Promise((resolve) => {
    const headers = host === undefined ? {} : { host };
    const sent = request(url, { agent, headers, method: body === undefined ? 'GET' : 'POST' }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('close', () => {
        clearTimeout(timer);
        const { statusCode: status = 0, headers } = response;
        resolve(response.complete ? { status, text, field: (name) => String(headers[name] ?? '') } : undefined);
      });
      response.on('error', () => undefined);
    });
    const timer = setTimeout(() => sent.destroy(), timeoutMs);
    sent.on('error', () => {
      clearTimeout(timer);
      resolve(undefined);
    });
    sent.end(body);
  });
}
