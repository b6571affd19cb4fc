// The files that TLS needs, with their paths made absolute; config.ts does the rest.

import { resolve } from 'node:path';
import type { ConfigOutput } from './config-schema.ts';

export function listenFiles(listen: ConfigOutput['listen'], directory: string): ConfigOutput['listen'] {
  const { tls } = listen;
  if (tls === undefined) return listen;
  const certificates = tls.certificates.map((one) => ({
    ...one,
    cert: resolve(directory, one.cert),
    key: resolve(directory, one.key),
  }));
  return { ...listen, tls: { ...tls, certificates } };
}

export function originFiles(origins: ConfigOutput['origins'], directory: string): ConfigOutput['origins'] {
  const resolved = Object.entries(origins).map(([name, origin]) => {
    const { ca } = origin.tls;
    return [name, ca === undefined ? origin : { ...origin, tls: { ca: resolve(directory, ca) } }] as const;
  });
  return Object.fromEntries(resolved);
}
