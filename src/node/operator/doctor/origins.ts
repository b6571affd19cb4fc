// Whether each origin answers, how fast, with which certificate, and whether its clock agrees with ours. One HEAD for each.

import { type IncomingMessage, type RequestOptions, request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { platformClock } from '../../../cache/platform.ts';
import { messageOf } from '../../../errors.ts';
import { parseHttpDate } from '../../../semantics/fields.ts';
import type { ResolvedConfig } from '../../config/config.ts';
import { readAuthorities } from '../../origin/origin.ts';
import { amiss, type Finding, fine } from './finding.ts';

type OriginConfig = ResolvedConfig['origins'][string];

const MAX_WAIT_MS = 10_000;
const SLOW_MS = 1_000;
const FEW_DAYS = 14;
const DAY_MS = 86_400_000;
/** Date has whole seconds, and was written before the answer came. */
const MAX_SKEW_MS = 5_000;

export async function originFindings(config: ResolvedConfig, now: () => number): Promise<Finding[]> {
  const origins = Object.entries(config.origins);
  return (await Promise.all(origins.map(([name, origin]) => findingsOf(name, origin, now)))).flat();
}

async function findingsOf(name: string, origin: OriginConfig, now: () => number): Promise<Finding[]> {
  const begun = platformClock.monotonic();
  try {
    const answer = await ask(origin, readAuthorities(name, origin.tls.ca));
    const tookMs = Math.round(platformClock.monotonic() - begun);
    return [...ofAnswer(name, answer, tookMs), ...ofCertificate(name, answer, now()), ...ofClock(name, answer, now())];
  } catch (error) {
    const mend =
      MENDS[(error as NodeJS.ErrnoException).code ?? ''] ?? 'look whether the URL is right and the server runs';
    return [amiss('origin', 'error', [`${name}: expected an answer of ${origin.url}, got ${messageOf(error)}`, mend])];
  }
}

const TRUST = 'name the authority that has signed its certificate in origins.NAME.tls.ca';

const MENDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'start the origin, or correct its URL: nothing listens there',
  ENOTFOUND: 'correct the host of the URL, or the DNS: it has no address',
  EAI_AGAIN: 'look at the DNS of this machine: it does not answer',
  ETIMEDOUT: 'look at the network and its firewall between here and the origin',
  CERT_HAS_EXPIRED: 'renew the certificate of the origin',
  ERR_TLS_CERT_ALTNAME_INVALID: 'use a host that the certificate names in the URL',
  DEPTH_ZERO_SELF_SIGNED_CERT: TRUST,
  SELF_SIGNED_CERT_IN_CHAIN: TRUST,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: TRUST,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: TRUST,
};

interface OriginAnswer {
  readonly status: number;
  readonly date: string | undefined;
  /** When the certificate ends, of an origin that is asked with TLS. */
  readonly validTo: string | undefined;
}

function ask({ url, hostHeader }: OriginConfig, ca: string | undefined): Promise<OriginAnswer> {
  const target = new URL('/', url);
  const options: RequestOptions & { readonly ca?: string | undefined } = {
    method: 'HEAD',
    agent: false,
    timeout: MAX_WAIT_MS,
    headers: { host: hostHeader ?? target.host, 'user-agent': 'tidegate-doctor' },
    ...(ca !== undefined && { ca }),
  };
  return new Promise((resolve, reject) => {
    const answered = (response: IncomingMessage) => {
      const { statusCode = 0, headers, socket } = response;
      response.resume();
      resolve({ status: statusCode, date: headers.date, validTo: validToOf(socket as TLSSocket) });
    };
    const request = (target.protocol === 'https:' ? requestTls : requestPlain)(target, options, answered);
    request.on('timeout', () =>
      request.destroy(Object.assign(new Error(`none within ${MAX_WAIT_MS} ms`), { code: 'ETIMEDOUT' })),
    );
    request.on('error', reject);
    request.end();
  });
}

function validToOf(socket: Partial<TLSSocket>): string | undefined {
  return socket.encrypted === true ? socket.getPeerCertificate?.().valid_to : undefined;
}

function ofAnswer(name: string, { status }: OriginAnswer, tookMs: number): Finding[] {
  const what = `${name}: ${status} to HEAD / in ${tookMs} ms`;
  if (status >= 500)
    return [amiss('origin', 'error', [what, 'look at the log of the origin: it fails, or is overloaded'])];
  if (tookMs <= SLOW_MS) return [fine('origin', what)];
  return [amiss('origin', 'warning', [what, 'look why it is slow: each miss takes as long'])];
}

function ofCertificate(name: string, { validTo }: OriginAnswer, now: number): Finding[] {
  if (validTo === undefined) return [];
  const days = Math.floor((Date.parse(validTo) - now) / DAY_MS);
  const what = `origin ${name}: valid for ${days} days more`;
  if (days >= FEW_DAYS) return [fine('certificate', what)];
  return [amiss('certificate', 'warning', [what, 'renew it, and see why nothing has done so by itself'])];
}

function ofClock(name: string, { date }: OriginAnswer, now: number): Finding[] {
  const theirs = parseHttpDate(date, now);
  if (theirs === undefined) {
    const what = `${name} sends no Date that can be read`;
    return [amiss('clock', 'warning', [what, 'have it send Date (RFC 9110 §6.6.1): ages are reckoned from it'])];
  }
  const skewMs = theirs - now;
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  if (Math.abs(skewMs) <= MAX_SKEW_MS) return [fine('clock', `${name}: agrees within ${MAX_SKEW_MS / 1000} s`)];
  const what = `${name}: its clock is ${seconds} s ${skewMs < 0 ? 'behind' : 'ahead of'} this machine's`;
  return [amiss('clock', 'warning', [what, 'set both by NTP: answers count as older than they are, or expire late'])];
}
