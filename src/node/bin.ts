#!/usr/bin/env node
// The executable `tidegate`. What it runs is loaded only once the Node that runs it is known to be recent enough.

const OLDEST_NODE = 24;

const [major] = process.versions.node.split('.');
if (Number(major) < OLDEST_NODE) {
  process.stderr.write(`tidegate: expected Node ${OLDEST_NODE} or later, got ${process.versions.node}\n`);
  process.exit(1);
}
const { runCli } = await import('./cli.ts');
await runCli(process.argv);

export {};
