// Request fields by which a client claims that it has asked for something else: another host, scheme, path or method. Some
// origins answer by them, though no cache key has them.

/** They repeat X-Forwarded-Proto and -Host under other names; `proxy` becomes HTTP_PROXY under CGI. */
const REPEATS =
  'forwarded x-forwarded x-forwarded-port x-forwarded-server x-forwarded-scheme x-forwarded-protocol x-forwarded-ssl x-scheme x-url-scheme front-end-https proxy';

const OVERRIDES = `x-forwarded-prefix x-forwarded-path x-forwarded-uri x-original-url x-original-uri x-original-host
  x-rewrite-url x-rewrite-uri x-host x-http-host-override x-http-destinationurl x-proxy-url
  x-http-method-override x-http-method x-method-override x-middleware-subrequest`;

type Claim = 'repeat' | 'override';

const CLAIMS: ReadonlyMap<string, Claim> = new Map([
  ...REPEATS.split(/\s+/).map((name): [string, Claim] => [name, 'repeat']),
  ...OVERRIDES.split(/\s+/).map((name): [string, Claim] => [name, 'override']),
]);

/** Fields that a reverse proxy states of the client. */
const STATED: ReadonlySet<string> = new Set(['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto']);

/**
 * What the field claims, its name in lower case; undefined: nothing, or it is one of X-Forwarded-For, -Host and -Proto. Origins
 * know many more X-Forwarded fields than any list, and CGI and WSGI read `_` as `-`.
 */
export function claimOf(name: string): Claim | undefined {
  if (STATED.has(name)) return undefined;
  const claim = CLAIMS.get(name) ?? (name.startsWith('x-forwarded') ? 'override' : undefined);
  if (claim !== undefined || !name.includes('_')) return claim;
  const dashed = name.replaceAll('_', '-');
  return CLAIMS.has(dashed) || dashed.startsWith('x-forwarded') ? 'repeat' : undefined;
}
