// Child of the bench `feed`: the gate.

import { resolveConfig } from '../../src/node/config/config.ts';
import { startGate } from '../../src/node/serve.ts';
import { answer } from './child.ts';

const answers = {
  start: async ({ origin, disk }: { readonly origin: string; readonly disk: string | undefined }) => {
    const config = {
      listen: { port: 0 },
      admin: { port: 0 },
      origins: { app: { url: origin } },
      log: { level: 'silent' },
      ...(disk === undefined ? {} : { disk: { path: disk } }),
    };
    const { url, adminUrl } = await startGate(resolveConfig(config, { env: {} }));
    return { url, adminUrl };
  },
};
export type GateAnswers = typeof answers;

answer(answers);
