// The control of the races: the cache of one isolate alone in front of the origin. Two isolates of it know nothing of each
// other, so a race that finds nothing here sees nothing.

import { Hono } from 'hono';
import { tidegate } from '../../../src/web/hono.ts';

interface Bindings {
  readonly ORIGIN: { fetch(request: Request): Promise<Response> };
}

const app = new Hono<{ Bindings: Bindings }>();

app.use('*', tidegate({ memory: { maxBytes: 4 * 1024 * 1024 } }));

app.all('*', (c) => c.env.ORIGIN.fetch(c.req.raw));

export default app;
