// Request lines: what node:http is given in place of one that it reads in another way than RFC 9112 does; and the wait for the
// end of one, since its last bytes decide.

import { platformTasks } from '../../../cache/platform.ts';

const CR = 0x0d;
const LF = 0x0a;
const DIGIT_1 = 0x31;
const DIGIT_9 = 0x39;
const VERSION_1 = Buffer.from(' HTTP/1.');
const VERSION_BYTES = VERSION_1.length + 1;
const LETTER_X = 0x58;

/** Longer lines are not waited for. */
const MAX_LINE_BYTES = 16 * 1024;

/** Most time that the end is waited for here; node:http then waits on. */
const WAIT_MS = 1_000;

/** The beginning of a request line, as long as its end is missing. */
export class OpenLine {
  readonly #waitMs: number;
  readonly #late: (bytes: Buffer) => void;
  #held: Buffer | undefined;
  #cancel: (() => void) | undefined;

  /** `late` takes the bytes when they were waited for long enough. */
  constructor({ headTimeoutMs }: { readonly headTimeoutMs: number }, late: (bytes: Buffer) => void) {
    this.#waitMs = Math.min(WAIT_MS, headTimeoutMs / 2);
    this.#late = late;
  }

  /** Holds `bytes` if they end within what may become a request line. */
  holds(bytes: Buffer): boolean {
    if (bytes.length > MAX_LINE_BYTES || !/^[\r\n]*[ -~]*\r?$/.test(bytes.toString('latin1'))) return false;
    this.#held = bytes;
    this.#cancel ??= platformTasks.later(this.#waitMs, () => this.giveUp());
    return true;
  }

  /** What was held, with the bytes behind it. */
  with(bytes: Buffer): Buffer {
    const held = this.#held;
    this.#held = undefined;
    return held === undefined ? bytes : Buffer.concat([held, bytes]);
  }

  /** Waits no longer; false: nothing was held. */
  giveUp(): boolean {
    const held = this.#held;
    this.drop();
    if (held === undefined) return false;
    this.#late(held);
    return true;
  }

  drop(): void {
    this.#held = undefined;
    this.#cancel?.();
    this.#cancel = undefined;
  }
}

/**
 * The bytes, which begin with a request line, with a higher minor version of HTTP/1 as 1.1, since node:http knows none
 * (RFC 9110 §2.5); and with no protocol's name but HTTP, since node:http takes `RTSP/1.0` for `HTTP/1.0`.
 */
export function withHttpVersion(bytes: Buffer): Buffer {
  const end = bytes.indexOf('\r\n', lineStart(bytes), 'latin1');
  const version = bytes.subarray(Math.max(0, end - VERSION_BYTES), Math.max(0, end));
  if (version.length < VERSION_BYTES) return bytes;
  const digit = version[VERSION_BYTES - 1] as number;
  if (version.compare(VERSION_1, 0, VERSION_1.length, 0, VERSION_1.length) === 0) {
    return digit > DIGIT_1 && digit <= DIGIT_9 ? changed(bytes, end - 1, DIGIT_1) : bytes;
  }
  const isOther = version.toString('latin1', 0, 6) === ' RTSP/';
  return isOther ? changed(bytes, end - VERSION_BYTES + 1, LETTER_X) : bytes;
}

/** A recipient ignores empty lines before a request line (RFC 9112 §2.2). */
function lineStart(bytes: Buffer): number {
  let at = 0;
  while (bytes[at] === CR || bytes[at] === LF) at++;
  return at;
}

function changed(bytes: Buffer, at: number, byte: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = byte;
  return copy;
}
