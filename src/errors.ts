// One error class and one closed table of codes. docs/errors.md lists the same codes; test/docs.test.ts compares them.

/** Every code Tidegate raises, and when. */
export const ERROR_CODES = {
  E_CONFIG: 'the configuration is refused: a key is unknown or misspelt, or a value is not of the expected form',
  E_PORT: 'a listener could not be opened: the port is in use or may not be bound',
  E_ADMIN_TOKEN: 'the admin listener would be reachable from other machines and has no token',
  E_TLS: 'a certificate or its key cannot be used',
  E_DISK: 'the folder of the disk tier cannot be used: not writable, in use by another process, or of a newer version',
  E_ORIGIN_CONNECT: 'no connection to the origin could be made',
  E_ORIGIN_TIMEOUT: 'the origin did not answer, or stopped sending, within its time limit',
  E_ORIGIN_RESET: 'the origin ended the connection before its answer was complete',
  E_ORIGIN_PROTOCOL: 'the origin sent something that is no HTTP response, or none to the request',
  E_ORIGIN_OPEN: 'the circuit breaker of the origin is open',
  E_OVERLOAD: 'the gate is short of time, memory or descriptors, so it does not forward more requests',
  E_WRITES: 'the client has too many writes under way, or has broken off too many',
  E_ORIGIN_BUSY:
    'all connections to the origin that the client may have are in use, and its queue is full or was too slow',
  E_ABANDONED: 'the client went away before its answer was complete',
  E_PURGE: 'the platform did not take a purge of its own cache, so it waits for the next call',
  E_FEED: 'a change feed cannot begin',
  E_UNSEEN: 'what a response was read from was not seen by the tracker, so the response is not stored',
  E_LOG: 'an invalidation could not be made durable, or nobody knows whether it is in force',
  E_WORKER: 'a worker process did not do its part, or workers ended again and again',
  E_POPULATE: 'a source of URLs to fill cannot be used',
  E_REPLAY: 'an access log to replay cannot be read',
  E_VALUE: 'a value cannot be stored, or what is stored of it cannot be read',
  E_SELECTOR: 'a selector of entries is not of the expected form',
  E_ADMIN: 'the admin API could not be reached or refused the call',
  E_KEY: 'a key, or the name or version of a namespace, is not of the expected form',
  E_TTL: 'a duration is not of the expected form',
  E_HANDLER: 'a handler behind the cache threw, or gave a response that cannot be passed on',
  E_TAG: 'a tag or the name of a table is not of the expected form',
  E_FAULT: 'something in Tidegate itself threw, which must not happen',
  E_FILL: 'the fill of an entry failed, and no stale value in grace is there',
  E_VIEW: 'a view, a parameter of one, a signal or a counter is not known, or not among the declared values',
  E_CLOSE: 'a cache closed, and something that it waited for had not ended in time',
  E_FILL_TIMEOUT: 'the fill of an entry took longer than its hard timeout',
} as const satisfies Record<string, string>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** An error Tidegate raises on purpose: `code` is for programs, `message` says what was expected and what was got. */
export class TidegateError extends Error {
  readonly code: ErrorCode;
  /** When a client that is refused for it may try again. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions & { readonly retryAfterMs?: number }) {
    super(message, options);
    this.name = 'TidegateError';
    this.code = code;
    this.retryAfterMs = options?.retryAfterMs;
  }
}

/** Throws an error that says what was expected and which value was got. */
export function expected(code: ErrorCode, what: string, got: unknown): never {
  throw new TidegateError(code, `expected ${what}, got ${shown(got)}`);
}

/** For the end of a switch over a closed union. */
export function unreachable(never: never): never {
  throw new TypeError(`expected a known case, got ${JSON.stringify(never)}`);
}

const MAX_SHOWN = 80;

/** A value as messages show it: short and on one line. Members of an object are not shown: one may hold a password. */
export function shown(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return 'nothing';
    case 'string':
      return quoted(value);
    case 'function':
      return 'a function';
    case 'object':
      if (value === null) return 'null';
      if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
      return value instanceof Promise ? 'a promise' : 'an object';
    default:
      return String(value);
  }
}

function quoted(text: string): string {
  const json = JSON.stringify(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);
  // JSON does not escape some characters that end a line or reverse its direction.
  return json.replace(UNFIT, escapedChar);
}

/** As JSON escapes it. */
export function escapedChar(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

const UNFIT = /[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** The message of a thrown value. An error of several, such as those of a host's addresses, may have none of its own. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
