// A running gate: the engine, its memory tier, its origins, the front and the admin listener, put together from a
// configuration, and taken apart again.
//
// The one complication: a reload changes routes and origins under running traffic. Requests that have begun keep the
// routes they began with; origins that stay as they are keep their connections; and what was filled under rules that
// have changed is invalidated, since the key does not say under which rules it was filled.

import { type BlockList, isIPv6 } from 'node:net';
import type { Logger } from 'pino';
import { createAdminApi, type ExplainRequest } from '../admin/api.ts';
import type { ExchangeReport, Gate, GateRequest } from '../engine/contract.ts';
import { createGate } from '../engine/gate.ts';
import { classOf } from '../engine/tally.ts';
import type { TidegateError } from '../errors.ts';
import { filterFields } from '../semantics/fields.ts';
import { createMemoryStore } from '../store/memory.ts';
import { boundBodies, changedOrigins, needsRestart, networks } from './config/applying.ts';
import type { ResolvedConfig } from './config/config.ts';
import { compileSite } from './config/router.ts';
import { admit } from './front/admission.ts';
import type { ExchangeEnd } from './front/exchange.ts';
import { createFront, type FrontHooks } from './front/front.ts';
import { nodeClock, nodeRandom, nodeTasks } from './node-ports.ts';
import { accessLine, createLog } from './operator/access-log.ts';
import { startAdmin } from './operator/admin-server.ts';
import { createMetrics, type Metrics } from './operator/metrics.ts';
import { Origins } from './origin/origins.ts';
import type { Router } from './site.ts';

export interface RunningGate {
  /** Where clients connect, e.g. `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly adminUrl: string;
  readonly gate: Gate;
  /** Serves new requests under another configuration; listeners and memory stay as they are. */
  reload(config: ResolvedConfig): Promise<void>;
  /** Stops accepting, finishes what runs, cuts off what is left after `graceMs`. */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

/** Time for running exchanges to finish at shutdown. */
const CLOSE_GRACE_MS = 10_000;

/** Opens both listeners; rejects with E_PORT or E_ADMIN_TOKEN, and then leaves nothing open. */
export async function startGate(config: ResolvedConfig, log: Logger = logOf(config)): Promise<RunningGate> {
  const running = new NodeGate(config, log);
  await running.start();
  return running;
}

function logOf({ log }: ResolvedConfig): Logger {
  return createLog({ level: log.level, ...(log.file !== 'stdout' && { destination: log.file }) });
}

interface Site {
  readonly config: ResolvedConfig;
  readonly router: Router;
  readonly retire: () => void;
  readonly trusted: BlockList;
}

class NodeGate implements RunningGate {
  readonly gate: Gate;
  url = '';
  adminUrl = '';
  readonly #log: Logger;
  readonly #origins: Origins;
  readonly #metrics: Metrics;
  /** Time to the origin's head, for the access log; only requests that went forward are here. */
  readonly #forwardMs = new WeakMap<GateRequest, number>();
  readonly #front: ReturnType<typeof createFront>;
  /** Of the memory there is; a reload does not change it. */
  readonly #maxBytes: number;
  #clientBytes = 0;
  #site: Site;
  #ready = false;
  #closeAdmin: () => Promise<void> = async () => {};

  constructor(config: ResolvedConfig, log: Logger) {
    this.#log = log;
    this.#origins = new Origins({ clock: nodeClock, tasks: nodeTasks });
    this.#maxBytes = config.memory.maxBytes;
    this.#site = this.#compile(config);
    const memory = createMemoryStore({ maxBytes: config.memory.maxBytes });
    this.#metrics = createMetrics({ stats: () => this.gate.stats(), clientBytes: () => this.#clientBytes });
    this.gate = createGate({
      clock: nodeClock,
      tasks: nodeTasks,
      random: nodeRandom,
      stores: [memory],
      memoryStats: () => memory.stats(),
      report: (report) => this.#report(report),
      fault: (error) => this.#log.error({ err: error }, 'a store failed'),
    });
    this.#front = createFront({
      site: () => this.#site,
      gate: this.gate,
      limits: config.limits,
      trust: (address) => this.#trusts(address),
      originUrlOf: (name) => this.#origins.urlOf(name),
      cacheName: config.cacheName,
      hooks: this.#hooks(),
    });
  }

  async start(): Promise<void> {
    const { listen, admin } = this.#site.config;
    const at = await this.#front.listen(listen);
    this.url = urlOf(listen.host, at.port);
    try {
      const api = createAdminApi({
        gate: this.gate,
        isReady: () => (this.#ready ? { ready: true } : { ready: false, reason: 'the gate is shutting down' }),
        explainRequest: (request) => this.#explainable(request),
        metricsText: () => this.#metrics.text(),
        originNames: () => Object.keys(this.#site.config.origins),
      });
      const { token, ...place } = admin;
      const server = await startAdmin({ ...place, ...(token !== undefined && { token }), api });
      this.adminUrl = server.url;
      this.#closeAdmin = () => server.close();
    } catch (error) {
      await this.#front.close({ graceMs: 0 });
      throw error;
    }
    this.#ready = true;
  }

  async reload(config: ResolvedConfig): Promise<void> {
    const old = this.#site;
    this.#site = this.#compile(config);
    old.retire();
    for (const origin of changedOrigins(old.config, config)) await this.gate.invalidate({ kind: 'origin', origin });
    for (const key of needsRestart(old.config, config)) {
      this.#log.warn(`${key} has changed in the configuration; that takes effect with the next start`);
    }
    this.#log.info({ origins: Object.keys(config.origins), routes: config.routes.length }, 'configuration reloaded');
  }

  async close({ graceMs = CLOSE_GRACE_MS }: { readonly graceMs?: number } = {}): Promise<void> {
    this.#ready = false;
    const end = nodeClock.monotonic() + graceMs;
    await this.#front.close({ graceMs });
    await this.#origins.close({ graceMs: Math.max(0, end - nodeClock.monotonic()) });
    await this.#closeAdmin();
  }

  #compile(config: ResolvedConfig): Site {
    const bounded = boundBodies(config, this.#maxBytes);
    const { router, retire } = compileSite(bounded, this.#origins.update(config.origins));
    return { config, router, retire, trusted: networks(config.trustedProxies) };
  }

  #trusts(address: string): boolean {
    return this.#site.trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  }

  /** The request as the front would hand it to the engine; undefined: no route. The URI says host and scheme itself. */
  #explainable({ method, uri, fields }: Pick<ExplainRequest, 'method' | 'uri' | 'fields'>): ExplainRequest | undefined {
    const { protocol, host, origin } = new URL(uri);
    const rest = filterFields(fields, (name) => !name.startsWith('x-forwarded-'));
    const rawHeaders = [...rest, 'host', host, 'x-forwarded-proto', protocol.slice(0, -1)];
    const raw = { method, target: uri.slice(origin.length) || '/', httpVersion: '1.1', rawHeaders };
    const peer = { address: '127.0.0.1', localAuthority: () => host };
    const { limits, cacheName } = this.#site.config;
    const { router } = this.#site;
    const admission = admit(raw, peer, { router: () => router, limits, trust: () => true, cacheName });
    return admission.kind === 'admitted' ? admission.request : undefined;
  }

  #report(report: ExchangeReport): void {
    if (report.error !== undefined) this.#logFailure(report, report.error);
    if (report.forwardMs === undefined) return;
    this.#forwardMs.set(report.request, report.forwardMs);
    this.#metrics.observeForward(report);
  }

  #logFailure({ request }: ExchangeReport, { code, message, cause }: TidegateError): void {
    const { originName: origin } = request.route;
    const reason = cause instanceof Error ? cause.message : undefined;
    this.#log.warn({ origin, code, cause: reason }, message);
  }

  #hooks(): FrontHooks {
    return {
      ended: (end) => this.#ended(end),
      refused: ({ reason, got, peer }) => this.#log.info({ refused: reason, got, peer }, 'request refused'),
      fault: (error) => this.#log.error({ err: error }, 'an exchange failed'),
    };
  }

  #ended(end: ExchangeEnd): void {
    this.#clientBytes += end.bodyBytes;
    if (!this.#log.isLevelEnabled('info')) return;
    const { request, status, outcome, durationMs, bodyBytes: bytes } = end;
    if (status === undefined || outcome === undefined) {
      this.#log.info({ method: request.method, durationMs }, 'client left before it was answered');
      return;
    }
    const report = { request, status, outcome, forwardMs: this.#forwardMs.get(request) };
    const { showValues } = this.#site.config.log;
    this.#log.info(accessLine(report, { outcome: classOf(outcome), bytes, durationMs, showValues }));
  }
}

function urlOf(host: string, port: number): string {
  const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${isIPv6(shown) ? `[${shown}]` : shown}:${port}`;
}
