// The feed process of the drill: follows the database for the application.

import { gateTarget, startFeedProcess } from '../../src/track/index.ts';
import { readSettings } from './settings.ts';
import { complain, persistently, trackedDatabase } from './tracked-database.ts';

const settings = readSettings();
const { source, port, admin, leaseMs, maxLagMs } = settings;

// Nobody is left who could end it.
process.stdin.on('end', () => process.exit(0)).resume();
console.log('begins');
await persistently(() =>
  startFeedProcess({
    ...{ source, port, lease: leaseMs, maxLag: maxLagMs },
    database: trackedDatabase(settings),
    targets: [gateTarget({ admin })],
    onFault: complain,
  }),
);
