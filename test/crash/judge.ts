// The judge of every answer to a read: recent enough, of the right resource and kind, and the right bytes, all of them.
// What was asked and what came are plain data; the bytes were compared as they came (see reply.ts).

import type { Bound, History } from './history.ts';
import type { Reply } from './reply.ts';
import { bodyLength, type Claim, parseClaim, parseEtag, type Resource } from './resources.ts';

export type Fault = 'outdated' | 'lost invalidation' | 'lost intent' | 'corrupt' | 'unexpected';

export interface Finding {
  readonly fault: Fault;
  readonly sentence: string;
}

export interface Asked {
  readonly method: 'GET' | 'HEAD';
  readonly resource: Resource;
  readonly kind: string;
  readonly range: { readonly first: number; readonly last: number } | undefined;
  readonly ifNoneMatch: string | undefined;
  /** What was acknowledged as the request began. */
  readonly bound: Bound;
  /** The gate that is asked. */
  readonly life: number;
}

/** What is wrong with a whole answer, or with the part that came before its connection broke; undefined: nothing. */
export function judge(asked: Asked, reply: Reply, history: History): Finding | undefined {
  const shown = shownBy(asked, reply);
  if (typeof shown === 'string') return { fault: 'corrupt', sentence: shown };
  if (shown === undefined) return undefined;
  return judgeClaim(asked, shown, history) ?? judgeVersion(asked, shown.version) ?? judgeBytes(asked, reply, shown);
}

/** The representation that an answer shows; a text: it shows none that ever was; undefined: the gate's own error. */
function shownBy(asked: Asked, { status, headers }: Reply): Claim | string | undefined {
  if (status >= 500) return undefined;
  const claimed = headers['x-claim'];
  const claim = claimed === undefined ? undefined : parseClaim(String(claimed));
  const tag = parseEtag(headers.etag ?? (status === 304 ? String(asked.ifNoneMatch) : ''));
  if (status === 404) return claim?.kind === 'gone' ? claim : `a 404 that claims ${claimed ?? 'nothing'}`;
  if (status !== 200 && status !== 206 && status !== 304) return `status ${status}`;
  if (tag === undefined) return `status ${status} with the ETag ${headers.etag ?? '(none)'}`;
  const tagged = { ...tag, bytes: bodyLength(asked.resource, tag.version) };
  if (status === 304)
    return headers.etag === asked.ifNoneMatch || headers.etag === undefined ? tagged : 'a 304 for another ETag';
  if (claim === undefined) return asked.method === 'HEAD' ? tagged : `status ${status} that claims nothing`;
  const same = claim.version === tag.version && claim.id === tag.id && claim.kind === tag.kind;
  return same ? claim : `the ETag ${headers.etag} beside the claim ${claimed}`;
}

function judgeClaim({ resource, kind }: Asked, claim: Claim, history: History): Finding | undefined {
  const known = history.version(resource, claim.version);
  const right =
    claim.id === resource.id &&
    known !== undefined &&
    claim.kind === (known.gone ? 'gone' : kind) &&
    (known.gone || claim.bytes === bodyLength(resource, claim.version));
  if (right) return undefined;
  const wanted = `resource ${resource.id}, kind ${kind}, of version 1 to ${history.current(resource).number}`;
  return { fault: 'corrupt', sentence: `shows ${JSON.stringify(claim)}, expected ${wanted}` };
}

function judgeVersion({ bound, life, resource }: Asked, version: number): Finding | undefined {
  if (version >= bound.version) return undefined;
  const sentence = `shows version ${version} of ${resource.path}; ${bound.version} was due (${bound.cause}, life ${bound.life} of the gate, now ${life})`;
  if (bound.cause === 'intent') return { fault: 'lost intent', sentence };
  return { fault: bound.life === life ? 'outdated' : 'lost invalidation', sentence };
}

function judgeBytes(asked: Asked, reply: Reply, claim: Claim): Finding | undefined {
  const corrupt = (sentence: string): Finding => ({
    fault: 'corrupt',
    sentence: `${asked.resource.path}: ${sentence}`,
  });
  if (reply.differsAt !== undefined) return corrupt(`byte ${reply.differsAt} is not that of version ${claim.version}`);
  if (!reply.complete) return undefined;
  const expected = expectedBytes(asked, reply, claim);
  if (typeof expected === 'string') return corrupt(expected);
  return reply.bytes === expected ? undefined : corrupt(`${reply.bytes} bytes said to be all, expected ${expected}`);
}

function expectedBytes({ method, range }: Asked, { status, headers }: Reply, claim: Claim): number | string {
  if (method === 'HEAD' || status === 304) return 0;
  if (status !== 206) return claim.bytes;
  const { first, last } = range ?? { first: -1, last: -1 };
  const right = `bytes ${first}-${Math.min(last, claim.bytes - 1)}/${claim.bytes}`;
  if (headers['content-range'] !== right) return `Content-Range ${headers['content-range']}, expected ${right}`;
  return Math.min(last, claim.bytes - 1) - first + 1;
}
