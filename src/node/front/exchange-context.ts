// The exchange in which the current code runs, for an exception that nobody catches.
//
// A pooled connection to an origin runs within the exchange that opened it. Breaking off an exchange that is over does
// nothing.

import { AsyncLocalStorage } from 'node:async_hooks';

interface Breakable {
  /** Ends the connection, or the stream, if the exchange is not over. */
  breakOff(): void;
}

const underWay = new AsyncLocalStorage<Breakable>();

/** Runs the step, and everything it starts, within the exchange. */
export function within<T>(exchange: Breakable, step: () => T): T {
  return underWay.run(exchange, step);
}

/** Breaks off the current exchange, if there is one. */
export function breakOffCurrent(): void {
  underWay.getStore()?.breakOff();
}
