// To which exchange belongs what runs now, for an exception that comes to nobody.
//
// A pooled connection to an origin runs within the exchange that opened it. The breaking off of one
// that is over does nothing.

import { AsyncLocalStorage } from 'node:async_hooks';

interface Breakable {
  /** Ends the connection, or the stream, if the exchange is not over. */
  breakOff(): void;
}

const underWay = new AsyncLocalStorage<Breakable>();

/** Does the step, and whatever follows of it, within the exchange. */
export function within<T>(exchange: Breakable, step: () => T): T {
  return underWay.run(exchange, step);
}

/** Breaks off the exchange within which this is called, if there is one. */
export function breakOffCurrent(): void {
  underWay.getStore()?.breakOff();
}
