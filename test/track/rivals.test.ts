// Two trackers of one source at one gate: each is told so, once. In simulated time.

import { expect, it } from 'vitest';
import { SourceLeases } from '../../src/engine/source-leases.ts';
import { Publisher } from '../../src/track/target/publisher.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';

const settle = async () => {
  for (let at = 0; at < 50; at++) await undefined;
};

function world() {
  const time = new SimulatedTime();
  const leases = new SourceLeases({ clock: time, invalidate: () => undefined });
  let random = 0;
  const tracker = () => {
    const faults: unknown[] = [];
    let token: string | undefined;
    const publisher = new Publisher({
      source: 'shop',
      target: {
        name: 'gate',
        deliver: async (message) => {
          await new Promise<void>((resolve) => time.later(20, resolve));
          const reply = await leases.report({ ...message, ...(token !== undefined && { token }) });
          token = reply.token;
          return reply;
        },
      },
      ...{ leaseMs: 2_000, clock: time, tasks: time, random: () => (random += 0.001) },
      progress: () => undefined,
      onFault: (error) => faults.push(error),
    });
    return { publisher, faults };
  };
  const pass = async (trackers: readonly { readonly publisher: Publisher }[]) => {
    for (let beat = 0; beat < 150; beat++) {
      for (const { publisher } of trackers) publisher.renew();
      await settle();
      time.advance(20);
    }
  };
  return { leases, tracker, pass };
}

it('each of two is told once that it is not alone', async () => {
  const { leases, tracker, pass } = world();
  const both = [tracker(), tracker()];
  await pass(both);
  const message = expect.stringMatching(/^expected one tracker of the source shop, got another beside this one: /);
  for (const { faults } of both) expect(faults).toEqual([expect.objectContaining({ code: 'E_CONFIG', message })]);
  expect(leases.states()[0]?.rivals).toBeGreaterThan(4);
});

it('one that begins anew after the other has ended is not', async () => {
  const { leases, tracker, pass } = world();
  const lives = [tracker(), tracker(), tracker()];
  for (const one of lives) await pass([one]);
  for (const { faults } of lives) expect(faults).toEqual([]);
  expect(leases.states()[0]).not.toHaveProperty('rivals');
});
