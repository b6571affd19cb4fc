// The Worker under test, put together from the log and the engine until `createGate` is there.

// @ts-expect-error: the platform has it, and no package here declares it.
import { DurableObject } from 'cloudflare:workers';
import { DEFAULT_TENANT } from '../../../src/entry/key.ts';
import { parseSelectors } from '../../../src/entry/selectors.ts';
import { LeasedLog } from '../../../src/log/lease/member.ts';
import type { LogKeeper } from '../../../src/log/lease/messages.ts';
import { afterIntents } from '../../../src/log/member-log.ts';
import { NO_FIELDS } from '../../../src/semantics/fields.ts';
import { isSafeMethod } from '../../../src/semantics/invalidation.ts';
import { createMemoryStore } from '../../../src/store/memory.ts';
import { HandlerGate } from '../../../src/web/handler-gate.ts';
import { policyOf, settingsOf } from '../../../src/web/options.ts';
import { universalPlatform } from '../../../src/web/platform.ts';
import { unroutedRequest } from '../../../src/web/request.ts';
import { coordinatorClass, type ObjectBase } from '../../../src/workers/coordinator.ts';
import type { RaceSettings } from './bench.ts';

declare const RACE: RaceSettings;

export class Coordinator extends coordinatorClass(DurableObject as ObjectBase, { buckets: 1024 }) {}

interface Env {
  readonly ORIGIN: { fetch(request: Request, init?: object): Promise<Response> };
  readonly COORDINATOR: { idFromName(name: string): unknown; get(id: unknown): LogKeeper };
}

const platform = universalPlatform();
const memory = createMemoryStore({ maxBytes: 2 ** 22 });
const policy = policyOf(settingsOf({ memory: { maxBytes: 2 ** 22 } }));
const onFault = (error: unknown) => console.log('fault', error);
const past = new HandlerGate({ platform, onFault, options: () => ({ stores: [], memoryStats: () => memory.stats(), buckets: 1 }) });
const route = {
  tenant: DEFAULT_TENANT, originName: 'handler', policy,
  responseFields: { remove: new Set<string>(), set: NO_FIELDS }, cacheUri: (uri: string) => uri, retired: () => false, showTags: false,
};
let member: { log: LeasedLog; served: HandlerGate } | undefined;
let current: Env;

function currentMember() {
  if (member !== undefined && member.log.ended === undefined) return member;
  const stub = () => current.COORDINATOR.get(current.COORDINATOR.idFromName('site'));
  const log = new LeasedLog({
    keeper: { renew: (r) => stub().renew(r), append: (r) => stub().append(r) },
    clock: platform.clock, tasks: platform.tasks, member: crypto.randomUUID(), mode: RACE.mode, leaseMs: RACE.leaseMs,
  });
  member = { log, served: new HandlerGate({ platform, onFault, options: () => ({ stores: [memory], memoryStats: () => memory.stats(), buckets: 1024, history: log.history(), answersUnlogged: false, joins: false } as never) }) };
  return member;
}

async function ready(waitUntil: (work: Promise<unknown>) => void) {
  const { log, served } = currentMember();
  if (log.isLeased()) {
    if (log.renewalDue()) waitUntil(log.renew().catch(onFault));
    return { log, served };
  }
  await log.renew();
  if (log.ended === undefined) return { log, served };
  const next = currentMember();
  await next.log.renew();
  return next;
}

export default {
  async fetch(request: Request, env: Env, ctx: { waitUntil(work: Promise<unknown>): void }): Promise<Response> {
    current = env;
    const waitUntil = (work: Promise<unknown>) => ctx.waitUntil(work);
    const shard = await ready(waitUntil).catch((error: unknown) => void onFault(error));
    if (new URL(request.url).pathname === '/_tidegate/invalidate') {
      if (shard === undefined) return new Response('no log', { status: 503 });
      try {
        const selectors = parseSelectors(JSON.parse(await request.text()));
        await Promise.all(selectors.map((one) => shard.served.gate.invalidate(one)));
        return new Response('{}');
      } catch (error) {
        return new Response(String(error), { status: 503 });
      }
    }
    if (shard === undefined && !isSafeMethod(request.method)) return new Response('no log', { status: 503 });
    const asked = unroutedRequest(request, policy, {});
    if (asked === undefined) throw new Error('upgrade');
    const serving = { request, route, timeoutMs: 60_000, asked, waitUntil, handle: (r: Request) => env.ORIGIN.fetch(r, { redirect: 'manual' }), onFailure: 'answer' };
    if (shard === undefined) return past.serve({ ...serving, asked: { ...asked, bypass: 'no-lease' } });
    return shard.served.serve({ ...serving, before: (origin) => afterIntents(origin, () => shard.log.opened(), true) });
  },
};
