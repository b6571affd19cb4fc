// The access log: one line for each exchange.
//
// Request and response fields are left out altogether, and of a target what redact.ts leaves out.

import { hash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { type DestinationStream, destination as fileDestination, type Logger, pino } from 'pino';
import type { ExchangeReport } from '../../engine/contract.ts';
import type { OutcomeClass } from '../../engine/outcome-class.ts';
import { cacheKey } from '../../entry/key.ts';
import { messageOf, TidegateError } from '../../errors.ts';
import { redactText, shownMethod } from './redact.ts';

export interface LogOptions {
  /** `info` has the access log. */
  readonly level: 'silent' | 'error' | 'warn' | 'info' | 'debug';
  /** A stream, a file name or a file descriptor. Default: standard output. */
  readonly destination?: DestinationStream | string | number | undefined;
}

/** A logger of JSON lines with ISO times. Writing to files and descriptors does not block the event loop. */
export function createLog({ level, destination = 1 }: LogOptions): Logger {
  const stream = typeof destination === 'object' ? destination : openLog(destination);
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: shownError } },
    stream,
  );
}

/** An error that an operator can mend needs no stack; a defect does, and its text is not the gate's own. */
function shownError(error: Error): object {
  const { message, cause } = error;
  const { code, syscall } = error as { code?: unknown; syscall?: unknown };
  if (error instanceof TidegateError) return { code, message, ...(cause instanceof Error && { cause: cause.message }) };
  if (!(error instanceof Error)) return { message: redactText(String(error)) };
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line));
  // The system names files and addresses, which the operator has chosen.
  const text = syscall === undefined ? redactText(message) : message;
  const shown = { type: error.name, code, message: text, stack: frames?.join('\n') };
  return { ...shown, ...(cause instanceof Error && { cause: shownError(cause) }) };
}

/** Throws E_CONFIG when the file cannot be opened. */
function openLog(dest: string | number): DestinationStream {
  try {
    // Addresses and URLs of clients are not for every user of the machine.
    if (typeof dest === 'string') closeSync(openSync(dest, 'a', 0o640));
  } catch (error) {
    const message = `log.file: expected a file that can be written, got ${messageOf(error)}`;
    throw new TidegateError('E_CONFIG', message, { cause: error });
  }
  const stream = fileDestination({ dest, sync: false, mode: 0o640 });
  stream.on('error', (error: Error) => {
    // A full disk ends the log, not the gate. Otherwise the stream would gather lines in memory, and its flush at the
    // end of the process would try for ever.
    if (stream.write === dropped) return;
    Object.assign(stream, { write: dropped, flushSync: () => {}, end: () => {}, destroy: () => {} });
    process.stderr.write(`the log ends here, expected to write to ${dest}, got ${error.message}\n`);
  });
  return stream;
}

const dropped = (): boolean => true;

/** Facts that the front adds to the engine's report once the answer has been sent. */
export interface AccessExtra {
  readonly outcome: OutcomeClass;
  /** Bytes of content sent to the client. */
  readonly bytes: number;
  /** From the request's head to the end of the answer. */
  readonly durationMs: number;
  /** How the path with its query is shown; see redact.ts. */
  readonly shownPath: (path: string) => string;
}

/** One line of the access log. Members that do not apply are absent. */
export function accessLine(report: ExchangeReport, extra: AccessExtra) {
  const { request, outcome, forwardMs } = report;
  const [host, path] = hostAndPath(request.uri);
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  return {
    method: shownMethod(request.method),
    host,
    path: extra.shownPath(path),
    ...(request.route.owner !== undefined && { tenant: request.route.owner }),
    ...(request.client !== undefined && { client: request.client }),
    // Connects the lines about one URI.
    key: keyHash(cacheKey(request.route, method, request.uri)),
    status: report.status,
    outcome: extra.outcome,
    // Why the origin was asked (RFC 9211 §2.2).
    ...(outcome.forward !== undefined && { fwd: outcome.forward }),
    ...(outcome.detail !== undefined && { detail: outcome.detail }),
    ...(outcome.refusal !== undefined && { refusal: outcome.refusal }),
    bytes: extra.bytes,
    durationMs: toMicroseconds(extra.durationMs),
    ...(forwardMs !== undefined && { forwardMs: toMicroseconds(forwardMs) }),
  };
}

/** A short name for a cache key that does not show it: 64 bits of SHA-256, in hex. */
export function keyHash(key: string): string {
  return hash('sha256', key, 'hex').slice(0, 16);
}

export function hostAndPath(uri: string): [string, string] {
  const start = uri.indexOf('://') + 3;
  const slash = uri.indexOf('/', start);
  return slash < 0 ? [uri.slice(start), '/'] : [uri.slice(start, slash), uri.slice(slash)];
}

function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
