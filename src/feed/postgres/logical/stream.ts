// Envelopes of logical replication, between the connection and the messages of pgoutput, and the replies to the server.
// https://www.postgresql.org/docs/18/protocol-replication.html
//
// The server forgets everything reported as flushed. So only the listener's acknowledgements are reported as flushed. Bytes
// that merely arrived are reported as written, which frees nothing.

import { quotedName } from '../../../dependency/table-name.ts';
import { TidegateError } from '../../../errors.ts';
import type { Clock } from '../../../ports.ts';
import { lsnText } from '../position.ts';
import type { PostgresSession } from '../session.ts';
import { type PgoutputMessage, readPgoutput } from './pgoutput.ts';

export type StreamItem =
  | PgoutputMessage
  /** The server has sent all commits up to `end`. */
  | { readonly kind: 'keepalive'; readonly end: bigint };

export interface StreamParts {
  readonly session: PostgresSession;
  readonly slot: string;
  readonly publication: string;
  /** Asks for messages of pg_logical_emit_message too. A server before version 14 refuses. */
  readonly withMessages: boolean;
  /**
   * Beyond this many rows of a transaction, only one row of each table is passed on: the listener treats the whole table as
   * changed.
   */
  readonly maxRows: number;
  readonly clock: Pick<Clock, 'now'>;
  readonly heard: (item: StreamItem) => void;
  readonly failed: (error: unknown) => void;
}

const LETTER = {
  ...{ data: 0x77, keepalive: 0x6b, status: 0x72 },
  ...{ begin: 0x42, insert: 0x49, update: 0x55, delete: 0x44 },
} as const;
/** Length of a data envelope's header: a letter, two LSNs and a time. */
const DATA_AT = 25;
const KEEPALIVE_LENGTH = 18;
const STATUS_LENGTH = 34;
/** The protocol counts microseconds since the year 2000: those from 1970 to then. */
const EPOCH_US = 946_684_800_000_000n;

export class PostgresStream {
  readonly #parts: StreamParts;
  #received = 0n;
  #acknowledged = 0n;
  #isHeld = false;
  #rows = 0;
  /** Tables with a row beyond the bound. */
  readonly #beyond = new Set<number>();

  constructor(parts: StreamParts) {
    this.#parts = parts;
  }

  async start(from: bigint): Promise<void> {
    const { session, slot, publication, withMessages } = this.#parts;
    const options = `proto_version '1', publication_names ${literal(quotedName(publication))}${withMessages ? ", messages 'true'" : ''}`;
    const command = `START_REPLICATION SLOT ${quotedName(slot)} LOGICAL ${lsnText(from)} (${options})`;
    await session.replicate(command, (bytes) => {
      try {
        this.#take(bytes);
      } catch (error) {
        this.#parts.failed(error);
      }
    });
  }

  /** While held, nothing is read from the socket. */
  hold(isHeld: boolean): void {
    if (this.#isHeld === isHeld) return;
    this.#isHeld = isHeld;
    if (isHeld) this.#parts.session.pause();
    else this.#parts.session.resume();
  }

  acknowledge(lsn: bigint): void {
    if (lsn <= this.#acknowledged) return;
    this.#acknowledged = lsn;
    this.#reach(lsn);
    this.report(false);
  }

  /** Also shows the server that somebody is there. `wantsReply`: the server answers at once how far it has read. */
  report(wantsReply: boolean): void {
    const bytes = new Uint8Array(STATUS_LENGTH);
    const view = new DataView(bytes.buffer);
    view.setUint8(0, LETTER.status);
    view.setBigUint64(1, this.#received);
    view.setBigUint64(9, this.#acknowledged);
    view.setBigUint64(17, this.#acknowledged);
    view.setBigInt64(25, BigInt(Math.round(this.#parts.clock.now())) * 1_000n - EPOCH_US);
    view.setUint8(33, wantsReply ? 1 : 0);
    this.#parts.session.send(bytes);
  }

  #take(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes[0] === LETTER.data && bytes.length > DATA_AT) {
      if (this.#isSpared(bytes[DATA_AT], view)) return;
      const message = readPgoutput(bytes, DATA_AT);
      if (message.kind === 'commit') this.#reach(message.end);
      this.#parts.heard(message);
    } else if (bytes[0] === LETTER.keepalive && bytes.length >= KEEPALIVE_LENGTH) {
      const end = view.getBigUint64(1);
      this.#reach(end);
      if (view.getUint8(17) === 1) this.report(false);
      this.#parts.heard({ kind: 'keepalive', end });
    } else {
      throw new TidegateError('E_FEED', `expected a message of replication, got one of kind ${bytes[0]}`);
    }
  }

  /** Whether to skip the row: an earlier row of its table beyond the bound was passed on. */
  #isSpared(letter: number | undefined, view: DataView): boolean {
    if (letter === LETTER.begin) {
      this.#rows = 0;
      this.#beyond.clear();
      return false;
    }
    if (letter !== LETTER.insert && letter !== LETTER.update && letter !== LETTER.delete) return false;
    if (++this.#rows <= this.#parts.maxRows + 1) return false;
    const relation = view.getUint32(DATA_AT + 1);
    if (this.#beyond.has(relation)) return true;
    this.#beyond.add(relation);
    return false;
  }

  #reach(lsn: bigint): void {
    if (lsn > this.#received) this.#received = lsn;
  }
}

export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
