// How a client reads what it wrote, where isolates may be behind: the answer to its write has the position of the log, and
// its later requests come back with it (own-writes.ts).
//
// Only the mode `bounded` needs it. In the others every isolate knows of a write by the time that it is answered.

const SOURCE = 'log';
const POSITION = /(?:^|[,;]\s*)tidegate-position-log=([\w.-]{1,100})|^log;([\w.-]{1,100})$/;
const MAX_AGE_SECONDS = 300;

/** The position that the client has seen; undefined: it says none. */
export function wantedPosition(headers: Headers): string | undefined {
  const match = POSITION.exec(headers.get('tidegate-position') ?? headers.get('cookie') ?? '');
  return match?.[1] ?? match?.[2];
}

export function tellPosition(headers: Headers, position: string): void {
  headers.set('tidegate-position', `${SOURCE};${position}`);
  const attributes = `Path=/; Max-Age=${MAX_AGE_SECONDS}; HttpOnly; SameSite=Lax`;
  headers.append('set-cookie', `tidegate-position-${SOURCE}=${position}; ${attributes}`);
}
