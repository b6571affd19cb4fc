#!/usr/bin/env node
// The executable `tidegate`. It loads the command line only after it has checked that Node is recent enough.

const OLDEST_NODE = 24;

const [major] = process.versions.node.split('.');
if (Number(major) < OLDEST_NODE) {
  process.stderr.write(`tidegate: expected Node ${OLDEST_NODE} or later, got ${process.versions.node}\n`);
  process.exit(1);
}
const { runCli } = await import('./cli.ts');
await runCli(process.argv);

export {};
