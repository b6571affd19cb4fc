// The server with the truth. It takes its time between reading and answering, so that fills are under way while things
// change and while the gate dies.
//
// A write is carried out even when the gate that forwarded it is gone, as real origins do.

import { EventEmitter } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dice } from '../sim/dice.ts';
import type { History, Write } from './history.ts';
import { BodyBytes, bodyLength, type Claim, cacheControlOf, claimText, etagOf, type Resource } from './resources.ts';

/** What a client asked the origin to do, named by the field `x-write`. */
export interface WritePlan {
  readonly write: Write;
  readonly changes: readonly { readonly resource: Resource; readonly gone: boolean }[];
  readonly group: string | undefined;
  readonly contentLocation: string | undefined;
  /** True: carried out, and then answered with a 500. */
  readonly failsAfter: boolean;
}

/** Told in this process, at the very instant. */
export interface OriginEvents {
  received: [];
  changed: [];
  answered: [];
}

export interface Origin {
  readonly url: string;
  readonly events: EventEmitter<OriginEvents>;
  /** Takes a plan; the result is the value of `x-write`. */
  plan(plan: WritePlan): string;
  close(): void;
}

const GONE_BYTES = 64;
const CHUNK_BYTES = 64 * 1024;

export async function startOrigin(resources: readonly Resource[], history: History, dice: Dice): Promise<Origin> {
  const plans = new Map<string, WritePlan>();
  const byPath = new Map(resources.map((resource) => [resource.path, resource]));
  const events = new EventEmitter<OriginEvents>();
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    response.on('error', () => response.destroy());
    const resource = byPath.get(request.url ?? '');
    if (resource === undefined) {
      response.writeHead(400).end(`expected a known path, got ${request.url}`);
      return;
    }
    const reading = request.method === 'GET' || request.method === 'HEAD';
    const plan = plans.get(String(request.headers['x-write']));
    const done = reading
      ? read({ request, response, resource }, history, dice)
      : carryOut({ request, response, resource }, plan as WritePlan, { history, dice, events });
    done.catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    events,
    plan: (plan) => {
      const id = String(plans.size);
      plans.set(id, plan);
      return id;
    },
    close: () => close(server),
  };
}

function close(server: Server): void {
  server.closeAllConnections();
  server.close();
}

interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly resource: Resource;
}

function pause(dice: Dice): Promise<void> | undefined {
  const length = dice.weighted({ none: 62, short: 30, middle: 7, long: 1 });
  if (length === 'none') return undefined;
  return sleep(length === 'short' ? dice.between(1, 8) : length === 'middle' ? dice.between(10, 40) : 90);
}

async function read({ request, response, resource }: Asked, history: History, dice: Dice): Promise<void> {
  await pause(dice);
  const { number: version, gone } = history.current(resource);
  await pause(dice);
  const kind = gone ? 'gone' : resource.varies ? String(request.headers['x-kind'] ?? '-') : '-';
  const claim: Claim = { id: resource.id, version, kind, bytes: gone ? GONE_BYTES : bodyLength(resource, version) };
  const etag = etagOf(resource, version, kind);
  const common = {
    'cache-control': cacheControlOf(resource),
    'cache-tag': resource.tags.join(', '),
    'cache-groups': `"${resource.group}"`,
    ...(resource.varies && { vary: 'X-Kind' }),
  };
  if (gone) return send(response, { status: 404, fields: { ...common, 'x-claim': claimText(claim) }, claim, dice });
  if (namesEtag(request, etag)) return void response.writeHead(304, { ...common, etag }).end();
  const fields = { ...common, etag, 'accept-ranges': 'bytes', 'x-claim': claimText(claim) };
  const range = rangeOf(request, claim, etag);
  if (range === undefined) return send(response, { status: 200, fields, claim, dice });
  const contentRange = `bytes ${range.first}-${range.last}/${claim.bytes}`;
  return send(response, { status: 206, fields: { ...fields, 'content-range': contentRange }, claim, range, dice });
}

function namesEtag(request: IncomingMessage, etag: string): boolean {
  const named = request.headers['if-none-match'] ?? '';
  return named.split(',').some((each) => each.trim().replace(/^W\//, '') === etag);
}

interface Range {
  readonly first: number;
  readonly last: number;
}

function rangeOf({ headers, method }: IncomingMessage, { bytes }: Claim, etag: string): Range | undefined {
  const asked = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '');
  if (asked === null || method !== 'GET') return undefined;
  if (headers['if-range'] !== undefined && headers['if-range'] !== etag) return undefined;
  const first = Number(asked[1]);
  return first >= bytes ? undefined : { first, last: Math.min(bytes - 1, Number(asked[2] || bytes - 1)) };
}

interface Sent {
  readonly status: number;
  readonly fields: Record<string, string>;
  readonly claim: Claim;
  readonly range?: Range;
  readonly dice: Dice;
}

async function send(response: ServerResponse, { status, fields, claim, range, dice }: Sent): Promise<void> {
  const { first, last } = range ?? { first: 0, last: claim.bytes - 1 };
  const body = new BodyBytes(claim, first);
  response.writeHead(status, { ...fields, 'content-length': last - first + 1 });
  if (response.req.method === 'HEAD') return void response.end();
  const slow = last - first > 10 * CHUNK_BYTES && dice.chance(0.25);
  for (let left = last - first + 1; left > 0; ) {
    const chunk = body.next(Math.min(left, CHUNK_BYTES));
    left -= chunk.length;
    if (!response.write(chunk)) await drained(response);
    if (response.destroyed) return;
    if (slow) await sleep(dice.between(0, 3));
  }
  response.end();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}

interface Carrying {
  readonly history: History;
  readonly dice: Dice;
  readonly events: EventEmitter<OriginEvents>;
}

async function carryOut(
  { request, response }: Asked,
  plan: WritePlan,
  { history, dice, events }: Carrying,
): Promise<void> {
  request.resume();
  plan.write.received = true;
  events.emit('received');
  await pause(dice);
  history.carryOut(plan.write, plan.changes);
  events.emit('changed');
  await pause(dice);
  if (plan.failsAfter) response.writeHead(500).end('failed after the change');
  else {
    response.writeHead(request.method === 'POST' ? 201 : 204, {
      ...(plan.group !== undefined && { 'cache-group-invalidation': `"${plan.group}"` }),
      ...(plan.contentLocation !== undefined && { 'content-location': plan.contentLocation }),
    });
    response.end();
  }
  events.emit('answered');
}
