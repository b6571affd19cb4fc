// What undici cannot be told of HTTP/1, done on the bytes of a connection before its parser reads them: a `100 Continue` is left
// out, which it takes for an error though RFC 9110 §15.2 has it skipped unasked; an answer of another major version is refused; and
// the version, which it does not pass on, is kept for the rules of answer-faults.ts.
//
// Only the beginning of an answer is looked at. Interim answers are held until they are whole; nothing else is.

import type { Socket } from 'node:net';
import { shown, TidegateError } from '../../errors.ts';

/** More interim responses count as an attack (a flood of 1xx costs the origin nothing and us a message each). */
export const MAX_INTERIM = 32;

/** Undici's parser refuses a larger head; it gets to see this one. */
const MAX_HELD_BYTES = 64 * 1024;

/** Length of `HTTP/1.1 200` and what ends the status. */
const STATUS_BYTES = 13;
const HEAD_END = Buffer.from('\r\n\r\n');

interface Awaited {
  /** A byte of an answer has arrived. */
  answered: boolean;
}

export class AnswerWatch {
  readonly #socket: Socket;
  readonly #origin: string;
  /** Whose answer is to come; undefined once its head has begun. */
  #awaited: Awaited | undefined;
  #held: Buffer | undefined;
  #skipped = 0;
  /** The last answer came as HTTP/1.0. */
  isOld = false;

  /** Undici reads a connection by `read()`, so that is what is put in the way. */
  constructor(socket: Socket, origin: string) {
    this.#socket = socket;
    this.#origin = origin;
    const read = socket.read.bind(socket) as (bytes?: number) => Buffer | null;
    // Node itself calls `read(0)` to ask for more without taking what is there.
    socket.read = (bytes?: number) => (bytes === 0 ? read(0) : this.#next(read));
  }

  /** A request is about to be sent. */
  begin(sending: Awaited): void {
    this.#awaited = sending;
    this.#held = undefined;
    this.#skipped = 0;
    this.isOld = false;
  }

  #next(read: () => Buffer | null): Buffer | null {
    for (;;) {
      const chunk = read();
      if (chunk === null || this.#awaited === undefined) return chunk;
      this.#awaited.answered = true;
      const bytes = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
      this.#held = undefined;
      const passed = this.#passed(bytes);
      if (passed.length > 0) return passed;
    }
  }

  /** What the parser may read of them now; the rest is held or left out. */
  #passed(given: Buffer): Buffer {
    let bytes = given;
    let at = 0;
    for (;;) {
      const line = bytes.toString('latin1', at, at + STATUS_BYTES);
      if (line.length < STATUS_BYTES && 'HTTP/'.startsWith(line.slice(0, 5))) return this.#hold(bytes, at);
      if (!this.#isInterim(line)) {
        this.#awaited = undefined;
        // RFC 9110 §2.5: a later minor version is read as the latest that is known.
        if (/^HTTP\/1\.[2-9]/.test(line)) bytes[at + 7] = 0x31;
        return bytes;
      }
      const end = bytes.indexOf(HEAD_END, at) + HEAD_END.length;
      if (end < HEAD_END.length) return this.#hold(bytes, at);
      if (line.startsWith('100', 9)) {
        if (++this.#skipped > MAX_INTERIM) this.#refuse(`at most ${MAX_INTERIM} interim responses, got more`);
        bytes = at === 0 ? bytes.subarray(end) : Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
      } else at = end;
      if (this.#awaited === undefined || at === bytes.length) return bytes;
    }
  }

  /** Whether it is an interim answer that may be; notes the version of a final one. */
  #isInterim(line: string): boolean {
    if (line.startsWith('HTTP/1.')) {
      this.isOld = line[7] === '0';
      if (!/^1\d\d[ \r]/.test(line.slice(9))) return false;
      if (!line.startsWith('101', 9)) return true;
      this.#refuse('no 101, since no upgrade was asked for, got one');
    } else if (line.startsWith('HTTP/')) {
      this.#refuse(`an answer of HTTP/1, got ${shown(line.slice(0, 8))}`);
    }
    return false;
  }

  #hold(bytes: Buffer, at: number): Buffer {
    if (bytes.length - at > MAX_HELD_BYTES) {
      this.#awaited = undefined;
      return bytes;
    }
    this.#held = bytes.subarray(at);
    return bytes.subarray(0, at);
  }

  #refuse(what: string): void {
    this.#awaited = undefined;
    this.#socket.destroy(new TidegateError('E_ORIGIN_PROTOCOL', `origin ${this.#origin}: expected ${what}`));
  }
}
