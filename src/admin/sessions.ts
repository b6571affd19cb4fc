// Logins of the dashboard: a browser shows the token once, and a cookie from then on.
//
// The cookie is a random name of a session and is kept from scripts. What a session stands for is its token, which is looked at anew
// with each call: one that is rotated or revoked ends its sessions, too. Browsers send cookies by themselves, so a call that changes
// something must come from a page of this very host (RFC 6454; Fetch §3.1), and a session counts for the host that it began on.

import type { Clock } from '../ports.ts';
import { type Fields, fieldLines, fieldValue } from '../semantics/fields.ts';

/** A session ends after so long, whatever happens. */
const SESSION_MS = 12 * 3_600_000;
/** The oldest makes room for one more. */
const MAX_SESSIONS = 100;
const COOKIE = 'tidegate-session';
const ATTRIBUTES = 'HttpOnly; SameSite=Strict; Path=/';

interface Session {
  readonly token: string;
  readonly host: string;
  readonly endMs: number;
}

export interface SessionsParts {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly newId: () => string;
  readonly isNeeded: boolean;
}

export class Sessions {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #newId: () => string;
  readonly #open = new Map<string, Session>();
  /** False: the listener lets calls of this machine through without a token. */
  readonly isNeeded: boolean;

  /** `newId`: at least 120 random bits. */
  constructor({ clock, newId, isNeeded }: SessionsParts) {
    this.#clock = clock;
    this.#newId = newId;
    this.isNeeded = isNeeded;
  }

  /** Begins one for who has shown the token. Gives the value of Set-Cookie. */
  begin(token: string, fields: Fields): string {
    const id = this.#newId();
    const [oldest] = this.#open.keys();
    if (this.#open.size >= MAX_SESSIONS && oldest !== undefined) this.#open.delete(oldest);
    this.#open.set(id, { token, host: hostOf(fields), endMs: this.#clock.monotonic() + SESSION_MS });
    return `${COOKIE}=${id}; Max-Age=${SESSION_MS / 1_000}; ${ATTRIBUTES}`;
  }

  /** Ends that of the cookie. Gives the value of Set-Cookie. */
  end(fields: Fields): string {
    this.#open.delete(idIn(fields));
    return `${COOKIE}=; Max-Age=0; ${ATTRIBUTES}`;
  }

  /** The token that the cookie stands for; undefined: there is no session of it. */
  tokenOf(fields: Fields): string | undefined {
    const id = idIn(fields);
    const session = this.#open.get(id);
    if (session === undefined || session.host !== hostOf(fields)) return undefined;
    if (this.#clock.monotonic() < session.endMs) return session.token;
    this.#open.delete(id);
    return undefined;
  }
}

/** Whether the request comes from a page of its own host, as the browser says. A program says nothing, and has no cookie. */
export function isFromOwnPage(fields: Fields): boolean {
  const site = fieldValue(fields, 'sec-fetch-site');
  const origin = fieldValue(fields, 'origin')?.toLowerCase();
  const host = hostOf(fields);
  const isOwn = origin === `http://${host}` || origin === `https://${host}`;
  return site === undefined ? isOwn : site === 'same-origin' && (origin === undefined || isOwn);
}

function hostOf(fields: Fields): string {
  const hosts = fieldLines(fields, 'host');
  return hosts.length === 1 ? (hosts[0] as string).toLowerCase() : '';
}

function idIn(fields: Fields): string {
  for (const line of fieldLines(fields, 'cookie')) {
    for (const pair of line.split(';')) {
      const [name = '', value = ''] = pair.trim().split('=', 2);
      if (name === COOKIE) return value;
    }
  }
  return '';
}
