// What becomes known of exchanges as they end: bytes and time for the statistics, a line for the access log and for who listens.

import type { Logger } from 'pino';
import { platformClock, platformRandom, platformTasks } from '../../cache/platform.ts';
import type { ExchangeReport, GateRequest } from '../../engine/contract.ts';
import { classOf } from '../../engine/outcome-class.ts';
import type { Recorder } from '../../engine/statistics/statistics.ts';
import type { ExchangeEnd } from '../front/front-contract.ts';
import { TenantRooms } from '../tenants/tenant-rooms.ts';
import { accessLine, hostAndPath } from './access-log.ts';
import { shownMethod } from './redact.ts';
import { Tail } from './tail.ts';
import { UrlCounter } from './top-urls.ts';

interface ExchangeLogParts {
  readonly log: Logger;
  /** How the log shows a path with its query; asked for each line. */
  readonly shownPath: (path: string) => string;
  /** Called for each exchange. */
  readonly answered: (report: ExchangeReport) => void;
  /** Called for each exchange that asked the origin. */
  readonly forwarded: (report: ExchangeReport) => void;
  readonly statistics: Pick<Recorder, 'ended'>;
}

export class ExchangeLog {
  readonly tenants = new TenantRooms(platformClock);
  readonly shownPath: ExchangeLogParts['shownPath'];
  readonly tail = new Tail(platformTasks);
  readonly urls: UrlCounter;
  readonly #parts: ExchangeLogParts;
  /** Time to the origin's head; only requests that went forward are here. */
  readonly #forwardMs = new WeakMap<GateRequest, number>();

  constructor(parts: ExchangeLogParts) {
    this.#parts = parts;
    this.shownPath = parts.shownPath;
    const shown = (uri: string) => {
      const [host, path] = hostAndPath(uri);
      return host + parts.shownPath(path);
    };
    this.urls = new UrlCounter({ clock: platformClock, random: platformRandom, shown });
  }

  /** What the engine reports. */
  readonly report = (report: ExchangeReport): void => {
    this.#parts.answered(report);
    if (report.error !== undefined) {
      const { code, message, cause } = report.error;
      const { originName: origin } = report.request.route;
      this.#parts.log.warn({ origin, code, cause: cause instanceof Error ? cause.message : undefined }, message);
    }
    if (report.request.route.owner !== undefined) this.tenants.report(report);
    if (report.forwardMs === undefined) return;
    this.#forwardMs.set(report.request, report.forwardMs);
    this.#parts.forwarded(report);
  };

  /** What the front reports. */
  readonly ended = (end: ExchangeEnd): void => {
    const { owner } = end.request.route;
    if (owner !== undefined) this.tenants.sent(owner, end.bodyBytes);
    const { log, shownPath, statistics } = this.#parts;
    const { isHeard } = this.tail;
    const { request, status, outcome, durationMs, bodyBytes: bytes } = end;
    const kind = outcome && classOf(outcome);
    statistics.ended(kind, durationMs, bytes);
    if (kind !== undefined) this.urls.ended(kind, request.uri, durationMs);
    if (!isHeard && !log.isLevelEnabled('info')) return;
    if (status === undefined || outcome === undefined || kind === undefined) {
      log.info({ method: shownMethod(request.method), durationMs }, 'client left before it was answered');
      return;
    }
    const report = { request, status, outcome, forwardMs: this.#forwardMs.get(request) };
    const line = accessLine(report, { outcome: kind, bytes, durationMs, shownPath });
    log.info(line);
    if (isHeard)
      this.tail.tell({ time: new Date(platformClock.now()).toISOString(), route: request.route.name, ...line });
  };
}
