// What becomes known of exchanges as they end: bytes for the metrics, a line for the access log and for who listens.

import type { Logger } from 'pino';
import { platformClock, platformTasks } from '../../cache/platform.ts';
import type { ExchangeReport, GateRequest } from '../../engine/contract.ts';
import { classOf } from '../../engine/tally.ts';
import type { Router } from '../../site/router.ts';
import type { ExchangeEnd } from '../front/front-contract.ts';
import { accessLine } from './access-log.ts';
import { shownMethod } from './redact.ts';
import { Tail } from './tail.ts';

interface ExchangeLogParts {
  readonly log: Logger;
  /** How the log shows a path with its query; asked for each line. */
  readonly shownPath: (path: string) => string;
  /** Called for each exchange that asked the origin. */
  readonly forwarded: (report: ExchangeReport) => void;
  /** Whose routes name the exchanges for those who listen. */
  readonly router: () => Router;
}

export class ExchangeLog {
  /** Bytes of content sent to clients since the start. */
  clientBytes = 0;
  readonly shownPath: ExchangeLogParts['shownPath'];
  readonly tail = new Tail(platformTasks);
  readonly #parts: ExchangeLogParts;
  /** Time to the origin's head; only requests that went forward are here. */
  readonly #forwardMs = new WeakMap<GateRequest, number>();

  constructor(parts: ExchangeLogParts) {
    this.#parts = parts;
    this.shownPath = parts.shownPath;
  }

  /** What the engine reports. */
  readonly report = (report: ExchangeReport): void => {
    if (report.error !== undefined) {
      const { code, message, cause } = report.error;
      const { originName: origin } = report.request.route;
      this.#parts.log.warn({ origin, code, cause: cause instanceof Error ? cause.message : undefined }, message);
    }
    if (report.forwardMs === undefined) return;
    this.#forwardMs.set(report.request, report.forwardMs);
    this.#parts.forwarded(report);
  };

  /** What the front reports. */
  readonly ended = (end: ExchangeEnd): void => {
    this.clientBytes += end.bodyBytes;
    const { log, shownPath } = this.#parts;
    const { isHeard } = this.tail;
    if (!isHeard && !log.isLevelEnabled('info')) return;
    const { request, status, outcome, durationMs, bodyBytes: bytes } = end;
    if (status === undefined || outcome === undefined) {
      log.info({ method: shownMethod(request.method), durationMs }, 'client left before it was answered');
      return;
    }
    const report = { request, status, outcome, forwardMs: this.#forwardMs.get(request) };
    const line = accessLine(report, { outcome: classOf(outcome), bytes, durationMs, shownPath });
    log.info(line);
    if (isHeard) this.tail.tell({ ...this.#occasion(request), ...line });
  };

  #occasion({ uri }: GateRequest) {
    const { host, pathname } = new URL(uri);
    const route = this.#parts.router().match(host, pathname)?.name;
    return { time: new Date(platformClock.now()).toISOString(), route };
  }
}
