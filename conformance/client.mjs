// The suite's client: runs all tests against the gate at argv[2] and prints the results as JSON. A process of its own,
// since the suite keeps its state in its modules.

import { getResults, runTests } from 'http-cache-tests/client/runner.mjs';
import fetch from 'node-fetch';
import { suites } from './suites.mjs';

/** Tests under way at once. */
const CONCURRENCY = 50;

await runTests(suites, fetch, false, process.argv[2], CONCURRENCY);
process.stdout.write(JSON.stringify(getResults()));
