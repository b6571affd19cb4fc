// The origin, in a thread of its own: what keeps attackers or honest clients busy does not delay its answers.

import { parentPort } from 'node:worker_threads';
import { Origin, type OriginAnswer } from '../../test/attack/origin.ts';

const origin = await Origin.start();
parentPort?.on('message', ({ prefix, answer }: { readonly prefix: string; readonly answer: OriginAnswer }) => {
  origin.answerUnder(prefix, answer);
  // A bench runs long: it has no use for what was received.
  origin.received.length = 0;
});
parentPort?.postMessage(origin.port);
