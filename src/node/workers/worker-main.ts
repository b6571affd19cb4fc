// The program of a worker process. The primary handles signals: a terminal sends them to all processes at once, and
// the primary tells each what to do.

import type { FromWorker, ToWorker } from './messages.ts';
import { Worker } from './worker.ts';

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
// Without the primary, nobody reports invalidations: not one more answer.
process.on('disconnect', () => process.exit(1));

function send(message: FromWorker): void {
  process.send?.(message, undefined, {}, (error: Error | null) => {
    if (error !== null) process.exit(1);
  });
}

if (process.send === undefined) {
  process.stderr.write('tidegate: expected to be started by a primary, got no channel to one\n');
  process.exit(1);
}
const worker = new Worker({ send, exit: (code) => process.exit(code) });
process.on('message', (message) => {
  try {
    worker.heard(message as ToWorker);
  } catch (error) {
    // This worker may have missed an invalidation. The primary starts another, which knows them all.
    process.stderr.write(`tidegate: a worker ends: ${error instanceof Error ? error.stack : error}\n`);
    process.exit(1);
  }
});
send({ kind: 'hello' });
