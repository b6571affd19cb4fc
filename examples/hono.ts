// An HTTP cache in front of the routes of a Hono application.

import { Hono } from 'hono';
import { tidegate } from 'tidegate/hono';

const app = new Hono();
const users = new Map([['7', 'Ada']]);

app.use('/users/*', tidegate({ defaultTtl: '1m' }));

app.get('/users/:id', (c) => {
  const id = c.req.param('id');
  c.get('tidegate').tags(`user-${id}`);
  console.log('the handler is asked');
  return c.json({ id, name: users.get(id) });
});

app.put('/users/:id', async (c) => {
  users.set(c.req.param('id'), await c.req.text());
  await c.get('tidegate').invalidate({ tags: [`user-${c.req.param('id')}`] });
  return c.body(null, 204);
});

const get = async () => {
  const response = await app.request('/users/7');
  const outcome = response.headers.get('cache-status')?.replace(/; ttl=\d+/, '');
  console.log(await response.text(), '/', outcome);
};
await get();
await get();
await app.request('/users/7', { method: 'PUT', body: 'Grace' });
await get();
