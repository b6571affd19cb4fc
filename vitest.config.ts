// How the tests run.
//
// The one complication: a process for each file costs more than most files do. Those that start nothing and change nothing
// outside of themselves share one; those that have servers, processes, workers or globals of their own do not.

import { defineConfig } from 'vitest/config';

const ALL = 'test/**/*.test.ts';
const SHARING = '{admin,cache,dependency,engine,entry,metrics,semantics,sql,store,testing}';
/** Packages that a test installs, with tests of their own. */
const INSTALLED = ['**/node_modules/**'];
const sharing = [`test/${SHARING}/**/*.test.ts`];

export default defineConfig({
  test: {
    globalSetup: ['test/kit/once-per-run.ts'],
    // All processors; one is left idle otherwise, and of two that is half the time.
    maxWorkers: '100%',
    // A busy machine is no defect. What hangs is still found.
    testTimeout: 30_000,
    hookTimeout: 120_000,
    projects: [
      { extends: true, test: { name: 'sharing', include: sharing, exclude: INSTALLED, isolate: false } },
      { extends: true, test: { name: 'alone', include: [ALL], exclude: [...sharing, ...INSTALLED] } },
    ],
  },
});
