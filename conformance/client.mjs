// The suite's client: runs all tests against the gate at argv[2] and prints the results as JSON. A process of its own,
// since the suite keeps its state in its modules. To an https URL it speaks HTTP/2. `close` after the URL: each request has a
// connection of its own, because workerd ends an idle one without a warning.

import http from 'node:http';
import { getResults, runTests } from 'http-cache-tests/client/runner.mjs';
import fetch from 'node-fetch';
import { fetchHttp2 } from './fetch-http2.mjs';
import { suites } from './suites.mjs';

/** Tests under way at once. */
const CONCURRENCY = 50;

const [, , url, connections] = process.argv;
if (connections === 'close') http.globalAgent = new http.Agent({ keepAlive: false });
await runTests(suites, url.startsWith('https:') ? fetchHttp2(url) : fetch, false, url, CONCURRENCY);
process.stdout.write(JSON.stringify(getResults()));
process.exit();
