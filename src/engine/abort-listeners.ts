// Many callers that leave by one AbortSignal. The platform looks through all listeners of a signal whenever one is added or
// removed, so a signal that many wait with has one listener here, and a set of those who leave.

import type { Cancel } from '../ports.ts';

const waiting = new WeakMap<AbortSignal, { readonly leavers: Set<() => void>; readonly heard: () => void }>();

/** `leave` is called once, when the signal aborts; not if it has aborted already. Must not throw. */
export function onAbort(signal: AbortSignal, leave: () => void): Cancel {
  const known = waiting.get(signal) ?? listenTo(signal);
  // Each call counts for itself, whatever function it brings.
  const own = () => leave();
  known.leavers.add(own);
  return () => {
    if (!known.leavers.delete(own) || known.leavers.size > 0) return;
    waiting.delete(signal);
    signal.removeEventListener('abort', known.heard);
  };
}

function listenTo(signal: AbortSignal) {
  const leavers = new Set<() => void>();
  const heard = () => {
    waiting.delete(signal);
    for (const leave of leavers) leave();
  };
  const made = { leavers, heard };
  waiting.set(signal, made);
  signal.addEventListener('abort', heard, { once: true });
  return made;
}
