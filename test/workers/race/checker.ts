// Whether what clients were told is true: no answer to a request that began after the acknowledgement of a change is older
// than the change.

import type { ClientAnswer } from '../platform/platform.ts';
import type { VersionedOrigin } from './origin.ts';

interface Acknowledged {
  readonly version: number;
  readonly atMs: number;
  /** How long after that older answers are allowed. */
  readonly boundMs: number;
}

/** What a request that begins now may not fall behind. */
export interface Beginning {
  readonly path: string;
  readonly atMs: number;
  readonly acknowledged: readonly Acknowledged[];
}

export interface Finding {
  readonly fault: 'outdated' | 'mixed' | 'unanswered' | 'failed' | 'not cached again' | 'error';
  readonly sentence: string;
  /** How long after the acknowledgement the outdated answer was asked for. */
  readonly lateMs?: number;
}

interface CheckerParts {
  readonly origin: Pick<VersionedOrigin, 'version'>;
  readonly now: () => number;
  /** How long after the acknowledgement outdated answers are allowed. Default 0. */
  readonly boundMs?: number | undefined;
  /** True while a read may fail because the origin does. */
  readonly originFails: () => boolean;
  /** True while a body may break off because the isolate that reads it for the client does. */
  readonly bodiesBreak?: (() => boolean) | undefined;
}

const BROKEN_OFF = /expected of the handler the whole body/;

export class Checker {
  readonly findings: Finding[] = [];
  readonly counts = { reads: 0, hits: 0, writes: 0, refused: 0, cut: 0, unknown: 0 };
  /** Writes whose outcome no client has heard. */
  readonly changes = { cut: 0, unknown: 0 };
  /** Longest time after an acknowledgement at which an older answer was still given. */
  lateMs = 0;
  readonly #acknowledged = new Map<string, Acknowledged[]>();
  readonly #origin: Pick<VersionedOrigin, 'version'>;
  readonly #now: () => number;
  readonly #boundMs: number;
  readonly #originFails: () => boolean;
  readonly #bodiesBreak: () => boolean;

  constructor({ origin, now, boundMs = 0, originFails, bodiesBreak = () => false }: CheckerParts) {
    this.#bodiesBreak = bodiesBreak;
    this.#origin = origin;
    this.#now = now;
    this.#boundMs = boundMs;
    this.#originFails = originFails;
  }

  begin(path: string): Beginning {
    return { path, atMs: this.#now(), acknowledged: this.#acknowledged.get(path) ?? [] };
  }

  /** The change has been acknowledged, so whoever asks from now on gets that version or a later one. */
  acknowledge(path: string, version: number, boundMs = this.#boundMs): void {
    const known = this.#acknowledged.get(path) ?? [];
    const saysMore = (one: Acknowledged) => one.version >= version && one.boundMs <= boundMs;
    if (version > 1 && !known.some(saysMore))
      this.#acknowledged.set(path, [...known, { version, atMs: this.#now(), boundMs }]);
  }

  found(fault: Finding['fault'], sentence: string, lateMs?: number): void {
    this.findings.push({
      fault,
      sentence: `${this.#now().toFixed(1)} ${sentence}`,
      ...(lateMs !== undefined && { lateMs }),
    });
  }

  read(beginning: Beginning, answer: ClientAnswer | 'unanswered', where: string): void {
    const { path } = beginning;
    this.counts.reads++;
    if (answer === 'unanswered') return this.found('unanswered', `GET ${path} at ${where}: no answer`);
    if (answer.kind === 'cut') return void this.counts.cut++;
    const isError = answer.kind === 'failed' || answer.status >= 500;
    if (isError && this.#originFails()) return void this.counts.unknown++;
    if (answer.kind === 'failed' && this.#bodiesBreak() && BROKEN_OFF.test(answer.error)) return void this.counts.cut++;
    if (answer.kind === 'failed') return this.found('failed', `GET ${path} at ${where}: ${answer.error}`);
    const status = answer.headers.get('cache-status') ?? '';
    if (answer.status !== 200)
      return this.found('error', `GET ${path} at ${where}: ${answer.status} ${status} ${answer.body}`);
    if (/; ?hit/.test(status)) this.counts.hits++;
    const head = Number(answer.headers.get('x-version'));
    const parts = new Set(answer.body.split(';').filter((part) => part !== ''));
    if (parts.size !== 1 || !parts.has(String(head)) || head > this.#origin.version(path))
      return this.found('mixed', `GET ${path} at ${where}: version ${head}, body ${answer.body}, ${status}`);
    this.#judge(beginning, head, `at ${where}, ${status}`);
  }

  #judge({ path, atMs, acknowledged }: Beginning, got: number, what: string): void {
    for (const { version, atMs: sinceMs, boundMs } of acknowledged) {
      if (version <= got) continue;
      const lateMs = atMs - sinceMs;
      this.lateMs = Math.max(this.lateMs, lateMs);
      if (lateMs <= boundMs && boundMs > 0) continue;
      const sentence = `GET ${path} ${what}: asked at ${atMs.toFixed(1)}, got version ${got}, ${version} was acknowledged; late by ${lateMs.toFixed(1)} ms`;
      return this.found('outdated', sentence, lateMs);
    }
  }
}
