// Ends an answer given while the request's content is still arriving. If the connection closed at once, the client's
// further bytes would reset it, and the client might lose the answer (RFC 9112 §9.6).

import type { IncomingMessage, ServerResponse } from 'node:http';

/** How long a client may go on sending after its answer. */
export const LINGER_MS = 1_000;

/** Ends the answer, which closes the connection, once the content has arrived, or after `maxMs`. */
export function endAfterContent(
  message: IncomingMessage,
  response: ServerResponse,
  options: { readonly maxMs: number; readonly done?: () => void },
): void {
  let over = false;
  const end = () => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    response.end();
    options.done?.();
  };
  const timer = setTimeout(end, options.maxMs);
  message.on('end', end);
  message.on('error', end);
  response.on('close', end);
  message.resume();
}
