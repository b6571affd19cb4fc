// Requests that the gate makes itself, to explain or to fill entries. They are admitted like a client's, so that both
// have equal keys.

import type { ExplainRequest } from '../admin/contract.ts';
import type { GateRequest } from '../engine/contract.ts';
import type { ResolvedConfig } from './config/config.ts';
import { admit } from './front/admission.ts';
import type { Router } from './site.ts';

/** Host and scheme are in the URI. */
export type OwnRequest = Pick<ExplainRequest, 'method' | 'uri' | 'fields'>;

/** The request as the front would hand it to the engine; undefined when no route takes it. */
export function admitOwn(
  { method, uri, fields }: OwnRequest,
  router: Router,
  { limits, cacheName }: Pick<ResolvedConfig, 'limits' | 'cacheName'>,
): GateRequest | undefined {
  const { protocol, host, origin } = new URL(uri);
  const raw = {
    method,
    target: uri.slice(origin.length) || '/',
    httpVersion: '1.1',
    rawHeaders: [...fields, 'host', host],
  };
  const scheme = protocol === 'https:' ? 'https' : 'http';
  const peer = { address: '127.0.0.1', scheme, localAuthority: () => host } as const;
  const admission = admit(raw, peer, { site: () => ({ router }), limits, trust: () => false, cacheName });
  return admission.kind === 'admitted' ? admission.request : undefined;
}
