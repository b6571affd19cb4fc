// What all members of a log on Redis or Valkey agree on, apart from the rest for configurations that only name it.

export const LOG_NAME = /^[\w.-]{1,100}$/;
export const LOG_NAME_FORM = '1 to 100 letters, digits, dots, dashes and underscores';

/** How operators know a process. */
export const NODE_NAME = /^[\w.:@-]{1,64}$/;
export const NODE_NAME_FORM = '1 to 64 letters, digits and ._:@-';

/** How long a member serves that cannot reach the engine: the default, and its bounds. */
export const LEASE_MS = 2_000;
export const LEAST_LEASE_MS = 500;
export const MOST_LEASE_MS = 60_000;
