// A running gate: the engine, its memory tier, its origins, the front and the admin listener, put together from a
// configuration, and taken apart again.
//
// A reload changes routes and origins under running traffic. Running requests keep the routes they began with;
// unchanged origins keep their connections; and entries filled under changed rules are invalidated, since the key does
// not name the rules.

import { join } from 'node:path';
import type { Logger } from 'pino';
import type { PublishHook } from '../admin/contract.ts';
import { type Published, published } from '../admin/publish-api.ts';
import { newEpoch, platformClock, platformRandom, platformTasks } from '../cache/platform.ts';
import { coderWith } from '../engine/answers/coding.ts';
import type { ExchangeReport, Gate, GateRequest } from '../engine/contract.ts';
import { createGate } from '../engine/gate.ts';
import { Rehydrator } from '../engine/populate/rehydrate.ts';
import { type Recorder, Statistics } from '../engine/statistics/statistics.ts';
import { checkOptions, timeout } from '../options/kit.ts';
import type { Cancel } from '../ports.ts';
import type { PredictionFigures } from '../prediction/prediction.ts';
import { NO_FIELDS } from '../semantics/fields.ts';
import { compileCoding } from '../site/compile-coding.ts';
import { compileSite } from '../site/compile-site.ts';
import { LARGEST_PART } from '../store/memory.ts';
import type { Lease } from './cluster/cluster.ts';
import { nodeCompress } from './compressor.ts';
import type { ResolvedConfig } from './config/config.ts';
import { needsRestart, reloaded } from './config/restart.ts';
import { admitOwn, type OwnRequest } from './front/admission.ts';
import type { Certificates } from './front/connection/certificates.ts';
import { Front } from './front/front.ts';
import { trustOf } from './front/trusted-proxies.ts';
import { frontLog } from './front-log.ts';
import { gateSources } from './gate-sources.ts';
import { certificatesOf, urlOf, warnOfUnknownProxies } from './listening.ts';
import { createLog } from './operator/access-log.ts';
import { ExchangeLog } from './operator/exchange-log.ts';
import type { Metrics } from './operator/metrics.ts';
import { type Offered, serveOperators } from './operator/operators.ts';
import { ownMetrics } from './operator/own-metrics.ts';
import { shownPathOf } from './operator/redact.ts';
import { tierControl } from './operator/tier-control.ts';
import { loadPools, Origins } from './origin/origin.ts';
import { type Overload, overloadOf } from './overload.ts';
import { Population } from './populate/population.ts';
import { NodeProber } from './prober.ts';
import { otherRules, Rules } from './rules.ts';
import type { CloseOptions, RunningGate } from './running-gate.ts';
import type { Tenants } from './tenants/tenants.ts';
import { withTenants } from './tenants/with-tenants.ts';
import { type NodeTiers, namedBy, openTiers } from './tiers.ts';

/**
 * The HTTP client for origins and the metrics are loaded so long after the gate listens: loading keeps a thread fully busy, and
 * waiting clients connect at once.
 */
const QUIET_MS = 1_000;

/** How a process of one gate differs from the others; see workers/. */
type Role =
  /** Serves clients, beside others on one port. Another process handles operators, populating and the disk. */
  | { readonly kind: 'worker' }
  /** Serves operators, and has workers serve the clients: they are its front. */
  | {
      readonly kind: 'primary';
      readonly front: Pick<Front, 'listen' | 'close'>;
      readonly metrics: Metrics;
      readonly admin: (deps: Offered) => Offered;
    };

/** Opens both listeners; rejects with E_PORT or E_ADMIN_TOKEN, and then leaves nothing open. */
export async function startGate(config: ResolvedConfig, log: Logger = logOf(config)): Promise<RunningGate> {
  const tiers = await openTiers(config, log);
  const start = (whole: ResolvedConfig, tenants: Tenants) => startPart(whole, { log, tiers, tenants, role: undefined });
  return withTenants(config, { log, tiers }, start);
}

interface GateParts {
  readonly log: Logger;
  readonly tiers: NodeTiers;
  /** Undefined in a worker. */
  readonly tenants?: Tenants;
  /** Undefined: a gate of one process. */
  readonly role: Role | undefined;
  /** Default: one that counts. */
  readonly statistics?: Recorder;
}

/** Starts a gate on open tiers and later closes them with it. */
export async function startPart(config: ResolvedConfig, parts: GateParts): Promise<NodeGate> {
  try {
    const running = new NodeGate(config, parts);
    await running.start();
    return running;
  } catch (error) {
    await parts.tiers.close();
    throw error;
  }
}

export function logOf({ log }: ResolvedConfig): Logger {
  return createLog({ level: log.level, ...(log.file !== 'stdout' && { destination: log.file }) });
}

export class NodeGate implements RunningGate {
  readonly gate: Gate;
  url = '';
  /** Where clients connect. */
  port = 0;
  adminUrl = '';
  readonly #log: Logger;
  readonly origins: Origins;
  readonly metrics: Metrics;
  readonly exchanges: ExchangeLog;
  /** What asks origins while no client waits, beside populating. */
  readonly background: {
    readonly rehydrator: Rehydrator;
    readonly prober: NodeProber;
    /** Undefined: nothing was ever predicted. */
    readonly predicted: () => PredictionFigures | undefined;
  };
  readonly #parts: GateParts;
  readonly #front: Pick<Front, 'listen' | 'close'>;
  readonly #certificates: Certificates | undefined;
  readonly #overload: Overload;
  readonly #population: Population;
  readonly #rules: Rules;
  readonly #tiers: NodeTiers;
  #site;
  /** What operators are offered; undefined: it is not ready. */
  #offered: Offered | undefined;
  #closeAdmin: () => Promise<void> = async () => {};
  #cancelLoading: Cancel = () => {};

  constructor(config: ResolvedConfig, parts: GateParts) {
    const { log, tiers, role, statistics = new Statistics() } = parts;
    this.#parts = parts;
    this.#log = log;
    this.#tiers = tiers;
    this.#certificates = certificatesOf(config, log);
    this.origins = new Origins({ clock: platformClock, tasks: platformTasks });
    this.#overload = overloadOf(config, log);
    const largest = Math.max(config.memory.maxBytes, config.disk?.maxBytes ?? 0) * LARGEST_PART;
    const forwarded = (report: ExchangeReport) => this.metrics.observeForward(report);
    const shownPath = (path: string) => this.#site.shownPath(path);
    const answered = (report: ExchangeReport) => this.#population.predictor.answered(report);
    this.exchanges = new ExchangeLog({ log, shownPath, answered, forwarded, statistics });
    this.#site = this.#compile(config, Math.floor(largest));
    const predicted = () => this.#population.predictor.figures();
    const measured = { tiers, origins: this.origins, overload: this.#overload, exchanges: this.exchanges };
    this.metrics =
      role?.kind === 'primary' ? role.metrics : ownMetrics({ ...measured, gate: () => this.gate, predicted });
    const usesOf = (key: string) => tiers.memory.usesOf(key);
    const rehydrator = new Rehydrator({
      usesOf,
      maxEntries: () => this.#site.config.populate.rehydrate.maxEntries,
      fill: (entries) => this.#population.rehydrate(entries),
    });
    const requestFor = (asked: OwnRequest) => this.requestFor(asked);
    const prober = new NodeProber({ settings: config.prober, log, shownPath, requestFor });
    this.background = { rehydrator, prober, predicted };
    this.gate = createGate({
      ...{ clock: platformClock, tasks: platformTasks, random: platformRandom, epoch: newEpoch },
      ...{ coder: coderWith(nodeCompress), sources: gateSources(config, log) },
      ...tiers.gateOptions,
      ...{ hits: prober.hits, rehydrator, readAheadBytes: config.limits.bufferedAnswerBytes },
      ...{ report: this.exchanges.report, statistics },
      fault: (error) => this.#log.error({ err: error }, 'a store failed'),
      exception: (error, scope) => this.#log.error({ err: error, scope }, 'an exception that nothing expected'),
    });
    this.#population = new Population({
      ...{ clock: platformClock, tasks: platformTasks, random: platformRandom, log, gate: this.gate },
      stores: namedBy(tiers),
      usesOf,
      config: () => this.#site.config,
      requestOf: ({ uri, fields = NO_FIELDS }) => this.requestFor({ method: 'GET', uri, fields }),
      journal: config.disk && join(config.disk.path, 'populate'),
    });
    const disk = { isNewDisk: tiers.isNewDisk, isWorker: role?.kind === 'worker' };
    this.#rules = new Rules({ gate: this.gate, log, ...disk });
    this.#front = role?.kind === 'primary' ? role.front : this.#createFront(config);
  }

  #createFront({ listen: { proxyProtocol, http2, tls }, limits, cacheName }: ResolvedConfig): Front {
    const certificates = this.#certificates;
    const { budget, uploads, answers, tunnels } = this.#tiers;
    return new Front({
      ...{ site: () => this.#site, gate: this.gate, limits },
      arrival: { proxyProtocol, tls: tls && certificates && { certificates, http2, minVersion: tls.minVersion } },
      trust: () => this.#site.trust,
      originOf: (name) => this.origins.optionsOf(name),
      cacheName,
      ...{ budget, uploads, answers, tunnels, lease: this.#tiers.lease, sheds: () => this.#overload.sheds() },
      hooks: {
        ended: this.exchanges.ended,
        ...frontLog(this.#log, this.exchanges.shownPath),
        fault: (error) => void this.gate.broken(error, 'exchange'),
      },
    });
  }

  async start(): Promise<void> {
    const { listen, admin } = this.#site.config;
    await this.#rules.begin(this.#site.config);
    const at = await this.#front.listen({ ...listen, reusePort: this.#parts.role?.kind === 'worker' });
    this.port = at.port;
    this.url = urlOf(listen.host, at.port, listen.tls === undefined ? 'http' : 'https');
    this.#overload.start();
    this.#cancelLoading = platformTasks.later(QUIET_MS, () => {
      const loaded = Promise.all([loadPools(), this.metrics.load()]);
      // Who needs a part sooner loads it, and hears of its error.
      loaded.catch((err: unknown) => this.#log.error({ err }, 'not all was loaded'));
    });
    if (this.#parts.role?.kind === 'worker') return;
    try {
      const deps: Offered = {
        ...{ gate: this.gate, sources: this.gate, tail: this.exchanges.tail, prober: this.background.prober },
        ...{ populate: this.#population, tiers: tierControl(this.#tiers), recent: this.#tiers.recent },
        isReady: () => (this.#offered ? { ready: true } : { ready: false, reason: 'the gate is shutting down' }),
        explainRequest: (request) => this.requestFor(request, this.#tiers.lease),
        metricsText: () => this.metrics.text(),
        originNames: () => Object.keys(this.#site.config.origins),
        ...{ origins: () => this.origins.health(), topUrls: () => this.exchanges.urls.figures() },
        cluster: this.#tiers.cluster,
      };
      const offered = this.#parts.role === undefined ? deps : this.#parts.role.admin(deps);
      const hookToken = (name: string) => this.#population.hooks()[name]?.token;
      const refused = this.metrics.refusedCalls;
      const operators = await serveOperators({ ...admin, hookToken, counts: refused }, offered, this.#parts);
      ({ url: this.adminUrl, close: this.#closeAdmin } = operators);
      this.#offered = offered;
    } catch (error) {
      await this.#front.close({ graceMs: 0 });
      this.#certificates?.close();
      throw error;
    }
    warnOfUnknownProxies(this.#site.config, this.#log);
    this.#population.start();
  }

  async publish({ urls = [], tags = [] }: Partial<PublishHook>): Promise<Published> {
    if (this.#offered === undefined) throw new TypeError('expected a gate that is ready, got another');
    return published({ urls, tags }, undefined, this.#offered);
  }

  /** Call this before any process serves under another configuration. Throws E_TLS, and then changes nothing. */
  prepare(news: ResolvedConfig): void {
    if (news.listen.tls !== undefined) this.#certificates?.update(news.listen.tls.certificates);
    this.#rules.prepare(this.#site.config, news);
  }

  async reload(news: ResolvedConfig): Promise<void> {
    this.prepare(news);
    const [old, config] = [this.#site, reloaded(this.#site.config, news)];
    this.#site = this.#compile(config, old.largestBody);
    old.router.retire(this.#site.router, otherRules(old.config, config));
    if (this.#parts.role?.kind !== 'worker') this.#population.reloaded();
    await this.#rules.changed(old.config, config);
    // The primary does the rest, once.
    if (this.#parts.role?.kind === 'worker') return;
    for (const key of needsRestart(old.config, news)) {
      this.#log.warn(`${key} has changed in the configuration; that takes effect with the next start`);
    }
    this.#log.info({ origins: Object.keys(config.origins), routes: config.routes.length }, 'configuration reloaded');
  }

  async close(options: CloseOptions = {}): Promise<void> {
    const { graceMs = 10_000 } = checkOptions<CloseOptions>('close', options, { grace: timeout(0) });
    this.#offered = undefined;
    this.#cancelLoading();
    this.#overload.stop();
    const end = platformClock.monotonic() + graceMs;
    this.#population.close();
    this.background.prober.stop();
    await this.#front.close({ graceMs });
    this.#certificates?.close();
    await this.origins.close({ graceMs: Math.max(0, end - platformClock.monotonic()) });
    await this.#closeAdmin();
    await this.#tiers.close();
  }

  /** `largestBody`: no tier takes a larger one, also after a reload. */
  #compile(config: ResolvedConfig, largestBody: number) {
    const pools = this.origins.update(config.origins);
    const origins = new Map([...pools].map(([name, pool]) => [name, this.#overload.guard(pool)]));
    const { boundsOf } = this.exchanges.tenants.update(config, this.#tiers.quotas);
    const router = compileSite(config, origins, { most: largestBody, codingOf: compileCoding, boundsOf });
    return {
      ...{ config, largestBody, router: this.exchanges.tenants.routed(router) },
      trust: trustOf(config.trustedProxies),
      shownPath: shownPathOf(config.log),
    };
  }

  /** `lease`: to explain what a client would get now. A fill needs none. */
  requestFor(asked: OwnRequest, lease?: Lease): GateRequest | undefined {
    return admitOwn(asked, this.#site.router, { ...this.#site.config, lease });
  }
}
