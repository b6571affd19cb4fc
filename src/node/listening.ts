// The layers below HTTP on the listener, from the configuration: the PROXY protocol, TLS and its certificates, and the
// log's lines about them; and the names and errors of listeners.

import { once } from 'node:events';
import { type AddressInfo, isIPv6, type Server } from 'node:net';
import type { Logger } from 'pino';
import { TidegateError } from '../errors.ts';
import type { ResolvedConfig } from './config/config.ts';
import type { ArrivalOptions, LostArrival } from './front/connection/arrival.ts';
import { Certificates } from './front/connection/certificates.ts';

export interface Listening {
  readonly arrival: ArrivalOptions;
  readonly scheme: 'http' | 'https';
  /** Takes the certificates of another configuration. Throws E_TLS, and then keeps the present ones. */
  update(config: ResolvedConfig): void;
  lost(report: LostArrival): void;
  close(): void;
}

/** Throws E_TLS when a certificate cannot be used. */
export function prepareListening({ listen }: ResolvedConfig, log: Logger): Listening {
  const { proxyProtocol, http2, tls } = listen;
  const certificates = tls && readCertificates(tls, log);
  return {
    arrival: { proxyProtocol, tls: tls && certificates && { certificates, http2, minVersion: tls.minVersion } },
    scheme: tls === undefined ? 'http' : 'https',
    update({ listen: news }) {
      if (news.tls !== undefined) certificates?.update(news.tls.certificates);
    },
    // Port scanners cause these constantly, hence debug level.
    lost: ({ reason, got, peer }) => log.debug({ lost: reason, got, peer }, 'connection closed before HTTP'),
    close: () => certificates?.close(),
  };
}

type TlsConfig = NonNullable<ResolvedConfig['listen']['tls']>;

function readCertificates({ certificates: files, minVersion }: TlsConfig, log: Logger): Certificates {
  return new Certificates({
    files,
    minVersion,
    renewed: (certificates) => log.info({ certificates }, 'new certificates are in use'),
    failed: (error) => log.error({ err: error }, 'the certificates in use stay'),
  });
}

/** Where clients on this machine connect. */
export function urlOf(host: string, port: number, scheme = 'http'): string {
  const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `${scheme}://${bracketed(shown)}:${port}`;
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

/** Opens the listener; rejects with E_PORT. `what`: the listening part. */
export async function listening(
  server: Server,
  at: { readonly host: string; readonly port: number; readonly reusePort?: boolean },
  what?: string,
): Promise<AddressInfo> {
  server.listen(at);
  await once(server, 'listening').catch((error: unknown) => {
    throw portError(at, error, what);
  });
  return server.address() as AddressInfo;
}

/** The error for a listener that could not be opened. `what`: the listening part. */
export function portError(at: { host: string; port: number }, error: unknown, what = 'clients'): TidegateError {
  const { code = 'an error', message } = error as NodeJS.ErrnoException;
  const where = `${bracketed(at.host)}:${at.port}`;
  const got = `${code}: ${REASONS.get(code) ?? message}`;
  return new TidegateError('E_PORT', `expected to listen on ${where} for ${what}, got ${got}`, { cause: error });
}
