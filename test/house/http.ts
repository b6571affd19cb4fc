// Clients and servers of the journeys, on loopback.

import { Agent, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';

/** One connection, so that a journey does not begin with its acceptance. */
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const TRIES = 200;
const PAUSE_MS = 20;

/** Asks, and throws unless Cache-Status says so. */
export async function asked(url: string, status: string): Promise<void> {
  const got = await new Promise<string>((resolve, reject) => {
    const request = get(url, { agent }, (response) => {
      const fields = String(response.headers['cache-status']);
      text(response).then(() => resolve(fields), reject);
    });
    request.on('error', reject);
  });
  if (!got.includes(`; ${status}`)) throw new Error(`${url}: expected Cache-Status with ${status}, got ${got}`);
}

export async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Tries until it does not throw. */
export async function until(attempt: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (tries === TRIES) throw error;
      await pause(PAUSE_MS);
    }
  }
}
