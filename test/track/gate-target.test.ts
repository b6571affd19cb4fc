// What a gate is sent, and what is made of its answers, whatever its version.

import { expect, it } from 'vitest';
import type { SourceMessage } from '../../src/track/contract.ts';
import { gateTarget } from '../../src/track/target/gate-target.ts';

const MESSAGE: SourceMessage = {
  ...{ source: 'shop', session: 's1', sequence: 1, leaseMs: 2_000, tags: ['q1'], position: '07', lagMs: 3 },
  answers: [{ id: 'x', described: [], isWhole: true }],
};
const OLD = { source: 'shop', session: 's1', sequence: 1, leaseMs: 2_000, tags: ['q1'] };

function gate(...answers: readonly unknown[]) {
  const sent: unknown[] = [];
  const left = [...answers];
  const ask = async (_url: unknown, init?: RequestInit) => {
    sent.push(JSON.parse(init?.body as string));
    const answer = left.shift();
    if (answer instanceof Error) throw answer;
    return typeof answer === 'number' ? new Response('no', { status: answer }) : Response.json(answer);
  };
  return { sent, target: gateTarget({ admin: 'http://gate.example', fetch: ask as typeof fetch }) };
}

it('an older gate is sent what every gate takes', async () => {
  const { sent, target } = gate({ gap: true, token: 'a' }, { gap: false, token: 'b' });
  await target.deliver(MESSAGE);
  await target.deliver(MESSAGE);
  expect(sent).toEqual([OLD, { ...OLD, token: 'a' }]);
});

it('one that names more is sent that; after a failure it may be another one', async () => {
  const takes = ['position', 'answers', 'unheard-of'];
  const { sent, target } = gate(
    { gap: false, token: 'a', takes },
    400,
    { gap: false, token: 'b', takes: 7 },
    new Error(),
  );
  await target.deliver(MESSAGE);
  await expect(target.deliver(MESSAGE)).rejects.toMatchObject({ code: 'E_ADMIN' });
  await target.deliver(MESSAGE);
  const { position, answers } = MESSAGE;
  expect(sent).toEqual([OLD, { ...OLD, token: 'a', position, answers }, { ...OLD, token: 'a' }]);
});

it('a question that is not understood is none', async () => {
  const tags = { id: 'a', about: { kind: 'tags', tags: ['q1'] } };
  const record = { id: 'b', about: { kind: 'record', table: 'users', key: ['7'] } };
  const table = { id: 'c', about: { kind: 'table', table: 'users' } };
  const odd = [
    ...[null, 7, {}, { id: 'd' }, { id: 7, about: table.about }, { id: 'e', about: { kind: 'all' } }],
    ...[
      { id: 'f', about: { kind: 'tags', tags: [7] } },
      { id: 'g', about: { kind: 'record', table: 'users', key: '7' } },
    ],
    { id: 'h', about: { kind: 'tags', tags: Array(1_001).fill('q') } },
  ];
  const asking = (questions: unknown) => ({ gap: false, token: 'a', questions });
  const { target } = gate(asking([tags, ...odd, record, table]), asking('all'), asking(Array(1_000).fill(tags)));
  expect((await target.deliver(MESSAGE)).questions).toEqual([tags, record, table]);
  expect(await target.deliver(MESSAGE)).not.toHaveProperty('questions');
  expect((await target.deliver(MESSAGE)).questions).toHaveLength(16);
});

it('a gate that hears of the source from another tracker, too, says so', async () => {
  const { target } = gate({ gap: true, token: 'a', rival: true }, { gap: true, token: 'b', rival: 7 });
  expect(await target.deliver(MESSAGE)).toMatchObject({ rival: true });
  expect(await target.deliver(MESSAGE)).not.toHaveProperty('rival');
});
