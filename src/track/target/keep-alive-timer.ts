// Keeps the process alive while somebody waits for the tracker, whose timers do not.

import { MessageChannel } from 'node:worker_threads';

export async function keptAlive<T>(work: Promise<T>): Promise<T> {
  const { port1 } = new MessageChannel();
  port1.ref();
  try {
    return await work;
  } finally {
    port1.close();
  }
}
