// The README's example of the HTTP cache in a program.

import { Hono } from 'hono';
import { tidegate } from 'tidegate/hono';

const names = new Map([['7', 'Ada']]);
const app = new Hono();
app.use('/users/*', tidegate({ ttl: '1h' }));
app.get('/users/:id', (c) => c.text(names.get(c.req.param('id')) ?? 'nobody'));
app.put('/users/:id', async (c) => {
  names.set(c.req.param('id'), await c.req.text());
  return c.body(null, 204);
});

const show = async () => {
  const response = await app.request('/users/7');
  const outcome = response.headers.get('cache-status')?.replace(/; ttl=\d+/, '');
  console.log(await response.text(), '/', outcome);
};
await show();
await show();
await app.request('/users/7', { method: 'PUT', body: 'Grace' });
await show();
