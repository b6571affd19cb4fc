#!/usr/bin/env node
// The executable `tidegate`.

import { runCli } from './cli.ts';

await runCli(process.argv);
