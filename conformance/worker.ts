// The Worker under the suite: the gate alone, in front of an origin by fetch. Profile and origin are put in when it is started.

import { createGate } from '../src/workers/index.ts';

declare const CONFORMANCE: { readonly profile: 'conformance' | 'safe'; readonly origin: string };

const gate = createGate({
  origins: { suite: { url: CONFORMANCE.origin } },
  routes: [{ profile: CONFORMANCE.profile, methods: 'all', showTags: true }],
  targetedFields: ['cdn-cache-control', 'surrogate-control'],
});

export default { fetch: gate.fetch };
export const { TidegateLog } = gate;
