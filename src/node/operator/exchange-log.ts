// What becomes known of exchanges as they end: bytes for the metrics, a line for the access log.

import type { Logger } from 'pino';
import type { ExchangeReport, GateRequest } from '../../engine/contract.ts';
import { classOf } from '../../engine/tally.ts';
import type { ExchangeEnd } from '../front/front-contract.ts';
import { accessLine } from './access-log.ts';
import { shownMethod } from './redact.ts';

interface ExchangeLogParts {
  readonly log: Logger;
  /** How the log shows a path with its query; asked for each line. */
  readonly shownPath: (path: string) => string;
  /** Called for each exchange. */
  readonly answered: (report: ExchangeReport) => void;
  /** Called for each exchange that asked the origin. */
  readonly forwarded: (report: ExchangeReport) => void;
}

export class ExchangeLog {
  /** Bytes of content sent to clients since the start. */
  clientBytes = 0;
  readonly shownPath: ExchangeLogParts['shownPath'];
  readonly #parts: ExchangeLogParts;
  /** Time to the origin's head; only requests that went forward are here. */
  readonly #forwardMs = new WeakMap<GateRequest, number>();

  constructor(parts: ExchangeLogParts) {
    this.#parts = parts;
    this.shownPath = parts.shownPath;
  }

  /** What the engine reports. */
  readonly report = (report: ExchangeReport): void => {
    this.#parts.answered(report);
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
    if (!log.isLevelEnabled('info')) return;
    const { request, status, outcome, durationMs, bodyBytes: bytes } = end;
    if (status === undefined || outcome === undefined) {
      log.info({ method: shownMethod(request.method), durationMs }, 'client left before it was answered');
      return;
    }
    const report = { request, status, outcome, forwardMs: this.#forwardMs.get(request) };
    log.info(accessLine(report, { outcome: classOf(outcome), bytes, durationMs, shownPath }));
  };
}
