// Live counters: flushed in batches, and a batch whose answer was lost is not counted twice.

import { setTimeout as wait } from 'node:timers/promises';
import { createCache, createViews, view } from 'tidegate';

/** A table of votes, and one of the batches that were written. */
const table = { votes: 0, applied: new Set<string>() };
let attempts = 0;

const board = view('board', { compute: () => table.votes, when: { counter: 'votes', by: 100 } });

const views = createViews([board], {
  cache: createCache(),
  flushEvery: '100ms',
  onFault: (error) => console.log('again:', (error as Error).message),
  // In a database, all of it in one transaction.
  flush: ({ votes = 0 }, { id }) => {
    if (!table.applied.has(id)) table.votes += votes;
    table.applied.add(id);
    // The transaction is committed, and the answer gets lost: nobody knows what became of it.
    if (++attempts === 1) throw new Error('connection lost');
  },
});

views.count('votes', 5);
await wait(300);
views.count('votes', 2);
await wait(2_000);
console.log('votes:', table.votes, 'attempts:', attempts);
await views.close();
