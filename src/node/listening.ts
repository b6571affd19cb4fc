// Listeners: the certificates of a configuration with the log's lines about them, addresses, and errors.

import { once } from 'node:events';
import { type AddressInfo, isIPv6, type Server } from 'node:net';
import type { Logger } from 'pino';
import { TidegateError } from '../errors.ts';
import { isLoopback, type ResolvedConfig } from './config/config.ts';
import { Certificates } from './front/connection/certificates.ts';

/** Undefined without TLS. Throws E_TLS when a certificate cannot be used. */
export function certificatesOf({ listen: { tls } }: ResolvedConfig, log: Logger): Certificates | undefined {
  if (tls === undefined) return undefined;
  return new Certificates({
    files: tls.certificates,
    minVersion: tls.minVersion,
    renewed: (certificates) => log.info({ certificates }, 'new certificates are in use'),
    failed: (error) => log.error({ err: error }, 'the certificates in use stay'),
  });
}

/** What a client may take counts by its address, and behind a balancer that the gate was not told of, that is the balancer's. */
export function unknownProxies({ listen, trustedProxies }: ResolvedConfig): string | undefined {
  if (trustedProxies !== undefined || listen.proxyProtocol || isLoopback(listen.host)) return undefined;
  const mend = 'name the proxies before the gate in trustedProxies, or set it to [] when clients connect directly';
  return `clients behind a proxy cannot be told apart: ${mend}`;
}

export function warnOfUnknownProxies(config: ResolvedConfig, log: Logger): void {
  const warning = unknownProxies(config);
  if (warning !== undefined) log.warn({ host: config.listen.host }, warning);
}

/** Where clients on this machine connect. */
export function urlOf(host: string, port: number, scheme = 'http'): string {
  return `${scheme}://${bracketed(host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host)}:${port}`;
}

function bracketed(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['EADDRINUSE', 'the port is in use'],
  ['EACCES', 'this user may not listen there'],
  ['EADDRNOTAVAIL', 'this machine does not have the address'],
  ['ENOTFOUND', 'the name does not resolve'],
  ['EAI_AGAIN', 'the name does not resolve now'],
]);

/** What listens, with the option that names its port. */
const PARTS = { clients: 'listen.port or --port', 'the admin API': 'admin.port or --admin-port' } as const;
type ListeningPart = keyof typeof PARTS;

/** Opens the listener; rejects with E_PORT. */
export async function listening(
  server: Server,
  at: { readonly host: string; readonly port: number; readonly reusePort?: boolean },
  what?: ListeningPart,
): Promise<AddressInfo> {
  server.listen(at);
  await once(server, 'listening').catch((error: unknown) => {
    throw portError(at, error, what);
  });
  return server.address() as AddressInfo;
}

/** The error for a listener that could not be opened. */
export function portError(
  at: { host: string; port: number },
  error: unknown,
  what: ListeningPart = 'clients',
): TidegateError {
  const { code = 'an error', message } = error as NodeJS.ErrnoException;
  const where = `${bracketed(at.host)}:${at.port}`;
  const mend = code === 'EADDRINUSE' ? `; choose another by ${PARTS[what]}` : '';
  const got = `${code}: ${REASONS.get(code) ?? message}${mend}`;
  return new TidegateError('E_PORT', `expected to listen on ${where} for ${what}, got ${got}`, { cause: error });
}
