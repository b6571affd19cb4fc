// A client of the gate: asks for rows over connections that stay open.

import { Agent, get } from 'node:http';
import { machineMs } from './clock.ts';

export interface Answered {
  readonly version: number;
  readonly isHit: boolean;
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
}

export class Client {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 });

  constructor(url: string) {
    this.#url = url;
  }

  ask(id: number): Promise<Answered> {
    const { promise, resolve, reject } = Promise.withResolvers<Answered>();
    const askedAtMs = machineMs();
    const request = get(`${this.#url}/rows/${id}`, { agent: this.#agent }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        const answeredAtMs = machineMs();
        if (response.statusCode !== 200) return reject(new Error(`/rows/${id}: expected 200, got ${text}`));
        const isHit = /;\s*hit/.test(String(response.headers['cache-status']));
        resolve({ version: Number(JSON.parse(text).version), isHit, askedAtMs, answeredAtMs });
      });
    });
    request.on('error', reject);
    return promise;
  }

  close(): void {
    this.#agent.destroy();
  }
}
