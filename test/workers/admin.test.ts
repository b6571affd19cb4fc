// The admin API on a route of a Worker, as far as it is reached without a token.

import { expect, test } from 'vitest';
import { answerAdmin, type WorkersAdminParts } from '../../src/workers/admin.ts';

const none = () => Promise.reject(new Error('expected no look at a shard'));
const parts: WorkersAdminParts = {
  router: { match: () => undefined, knowsHost: () => false } as unknown as WorkersAdminParts['router'],
  originNames: [],
  token: 'secret',
  shard: none,
  purged: none,
  figures: () => ({}),
};

function call(body: ReadableStream): Request {
  return new Request('http://app.example/_tidegate/purge', { method: 'POST', body, duplex: 'half' } as RequestInit);
}

test('no more than a megabyte of content is read, also of content without a length', async () => {
  let read = 0;
  let isCancelled = false;
  const endless = new ReadableStream(
    {
      pull: (controller) => {
        read += 65_536;
        if (read > 8 * 2 ** 20) controller.close();
        else controller.enqueue(new Uint8Array(65_536));
      },
      cancel: () => {
        isCancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  const { status } = await answerAdmin(call(endless), '/purge', parts);
  expect(status).toBe(413);
  expect(isCancelled).toBe(true);
  expect(read).toBeLessThan(2 * 2 ** 20);
});

test('content that is read is the text that was sent', async () => {
  const bytes = new TextEncoder().encode('{"\u00fc":1}');
  const middle = bytes.indexOf(0xc3) + 1;
  const halves = new ReadableStream({
    start: (controller) => {
      controller.enqueue(bytes.subarray(0, middle));
      controller.enqueue(bytes.subarray(middle));
      controller.close();
    },
  });
  const request = call(halves);
  request.headers.set('authorization', 'Bearer secret');
  const response = await answerAdmin(request, '/purge', parts);
  expect(response.status).toBe(400);
  expect(await response.text()).toContain('\u00fc');
});
