// Loaded into each process of the gate under soak: writes a line of figures each second.

import { appendFileSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';
import type { Sample } from './report.ts';

const folder = process.env.SOAK_FOLDER;
if (isMainThread && folder !== undefined) watch(join(folder, `${process.pid}.jsonl`));

/** What a soak is to find. */
const leaked: Buffer[] = [];

function leak(): void {
  leaked.push(Buffer.alloc(2 ** 20, 'x'));
  openSync('/dev/null', 'r');
  process.on('SIGUSR2', () => undefined);
}

function watch(file: string): void {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  let unhandled = 0;
  // It hears of rejections too, and changes nothing about what becomes of them.
  process.on('uncaughtExceptionMonitor', (error) => {
    unhandled++;
    process.stderr.write(`soak: unhandled in ${process.pid}: ${error instanceof Error ? error.stack : error}\n`);
  });
  setInterval(() => {
    if (process.env.SOAK_LEAK !== undefined) leak();
    const { rss, heapUsed, external } = process.memoryUsage();
    const sample: Sample = {
      rss,
      heap: heapUsed,
      external,
      descriptors: readdirSync('/proc/self/fd').length,
      listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
      delayMs: delay.percentile(99) / 1e6,
      unhandled,
    };
    delay.reset();
    appendFileSync(file, `${JSON.stringify(sample)}\n`);
  }, 1_000).unref();
}
