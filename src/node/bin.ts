#!/usr/bin/env node
// The executable `tidegate`. It loads the command line only after it has checked Node; so this file must run on old ones, and
// imports nothing on its own.

const OLDEST_NODE = 24;

async function unmet(): Promise<string | undefined> {
  const [major] = process.versions.node.split('.');
  if (Number(major) < OLDEST_NODE) {
    return `Node ${OLDEST_NODE} or later; this is ${process.version} (${process.execPath})`;
  }
  const { isBuiltin } = await import('node:module');
  if (isBuiltin('node:sqlite')) return undefined;
  return `node:sqlite; this ${process.version} (${process.execPath}) was built or started without it`;
}

const wanted = await unmet();
if (wanted !== undefined) {
  process.stderr.write(`tidegate needs ${wanted}. See https://nodejs.org/download\n`);
  process.exit(1);
}
const { runCli } = await import('./cli.ts');
await runCli(process.argv);

export {};
