// A process of its own that invalidates as fast as it is acknowledged, tells each position, and never stops by itself.

import { openDurable } from '../../../src/store/disk/durable.ts';
import { SimulatedTime } from '../../kit/simulated-time.ts';

const path = process.argv[2] as string;
const { journal, recovery } = await openDurable(path, {
  tasks: new SimulatedTime(),
  newEpoch: () => 'child',
  limits: { records: 50 },
});
journal.follow((position, change) => {
  if (change.kind === 'invalidate') recovery.invalidations.apply(change.selector, position);
});
journal.append({ kind: 'open', intent: 'i', uri: 'http://a.example/open' });
for (;;) process.send?.(await journal.append({ kind: 'invalidate', selector: { kind: 'tag', tag: 'all' } }));
