import { platformClock, platformTasks } from '../../src/cache/platform.ts';
import { NodeOrigin } from '../../src/node/origin/origin.ts';
import { testOriginContract } from './origin-contract.ts';

testOriginContract('node origin', {
  makeOrigin(url) {
    const options = {
      name: 'shop',
      url,
      connections: 4,
      perClient: 0.5,
      queue: { max: 1_000, timeoutMs: 5_000 },
      connectTimeoutMs: 5000,
      headTimeoutMs: 5000,
      bodyTimeoutMs: 5000,
      retries: 1,
      breaker: { failures: 5, openMs: 1000 },
    };
    const origin = new NodeOrigin(options, { clock: platformClock, tasks: platformTasks });
    return { origin, close: () => origin.destroy() };
  },
});
