// The head of an HTTP/2 request in the form of an HTTP/1.1 one, so that both pass the same checks and make the same key.
//
// HTTP/2 states some facts in its own way (RFC 9113 §8.3); a field must not contradict them in the old way:
// `:authority` beside Host, the end of the content beside Transfer-Encoding.

import { trimOws } from '../../../semantics/fields.ts';
import { type RequestRefusal, refused } from '../refusals.ts';
import type { RawHead } from '../request-heads.ts';

/** Fields of one connection only, without meaning in HTTP/2 (RFC 9113 §8.2.2). */
export const OF_CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/** `endsHere`: the request has no content. */
export function readH2Head(rawHeaders: readonly string[], endsHere: boolean): RawHead | RequestRefusal {
  const pseudo = { ':method': '', ':path': '', ':scheme': '', ':authority': undefined as string | undefined };
  // Host comes first; its value is known last.
  const fields: string[] = ['host', ''];
  let host: string | undefined;
  let cookieAt = -1;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    const value = rawHeaders[at + 1] as string;
    if (name.startsWith(':')) {
      if (!Object.hasOwn(pseudo, name)) return refused('pseudo-field', name);
      pseudo[name as keyof typeof pseudo] = value;
    } else if (trimOws(value).length !== value.length) {
      return refused('field-whitespace', name);
    } else if (name === 'host' && host === undefined) {
      host = value;
    } else if (name === 'cookie' && cookieAt >= 0) {
      // RFC 9113 §8.2.3: joins the crumbs of one field.
      fields[cookieAt] += `; ${value}`;
    } else {
      if (OF_CONNECTION.has(name) || (name === 'te' && value.toLowerCase() !== 'trailers')) {
        return refused('connection-field', name);
      }
      if (name === 'cookie') cookieAt = fields.length + 1;
      fields.push(name, value);
    }
  }
  const { ':method': method, ':path': target, ':scheme': scheme, ':authority': authority = host } = pseudo;
  if (method === 'CONNECT') return refused('method-connect', method);
  if (!target.startsWith('/') && target !== '*') return refused('target-form', target);
  if (scheme !== 'http' && scheme !== 'https') return refused('target-scheme', scheme);
  // RFC 9113 §8.3.1: a different Host makes the request malformed.
  if (host !== undefined && host.toLowerCase() !== authority?.toLowerCase()) {
    return refused('host-mismatch', `Host ${host}, :authority ${authority}`);
  }
  if (authority !== undefined) fields[1] = authority;
  const rawFields = authority === undefined ? fields.slice(2) : fields;
  return { method, target, httpVersion: '2', rawHeaders: rawFields, scheme, contentFollows: !endsHere };
}
