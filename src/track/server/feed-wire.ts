// The messages between a feed process and its clients. A client listens to lines of JSON on one long answer, and sends
// reports of what was read in the form of node:v8, since values of databases have none in JSON.
//
// Both sides analyse a statement, and a response's tags depend on the client's analysis. So a registration carries a
// digest of it, and the two sides are of one version.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { FeedPosition } from '../../dependency/change.ts';
import type { Dialect, TableRead } from '../../dependency/template.ts';
import type { FeedStatus } from '../../ports.ts';
import type { CatalogueData } from '../../sql/ast.ts';
import type { SourceMessage } from '../contract.ts';
import type { Refusal } from '../follow/registry-client.ts';

/** Differs where either side would misunderstand the other. */
export const PROTOCOL = 3;
/** Content type of reports; a browser does not send it to another site without asking. */
export const REPORT_TYPE = 'application/x-tidegate-report';
export const MAX_REPORT_BYTES = 16 * 1024 * 1024;

/** A line of the stream. */
export type Line =
  | Hello
  /** `data` is undefined when it has not changed. */
  | { readonly kind: 'catalogue'; readonly generation: number; readonly data?: CatalogueData | undefined }
  | ({ readonly kind: 'state' } & FeedState)
  /** `heard`: the last one of this stream that the client has said it delivered; 0: none. */
  | { readonly kind: 'deliver'; readonly id: number; readonly heard: number; readonly message: SourceMessage };

export interface Hello {
  readonly kind: 'hello';
  readonly protocol: number;
  readonly version: string | undefined;
  readonly source: string;
  /** Id of the process's life. */
  readonly session: string;
  /** Id of this answer. */
  readonly stream: string;
  readonly dialect: Dialect;
  readonly pureFunctions: readonly string[];
  readonly leaseMs: number;
}

export interface FeedState {
  readonly session: string;
  /** Rises with each state. */
  readonly turn: number;
  readonly isLive: boolean;
  readonly isRefreshing: boolean;
  readonly generation: number;
  readonly position: FeedPosition;
  readonly gaps: number;
  readonly instances: number;
  readonly feed: FeedStatus;
}

/** A client's report. */
export interface Report {
  readonly stream: string;
  /** Each by itself (feed-registration.ts). */
  readonly registrations: readonly Uint8Array[];
  /** Own tags of responses that read more than they say. */
  readonly outdated: readonly string[];
  readonly delivered: readonly { readonly id: number; readonly isDone: boolean }[];
  /** Something was written. */
  readonly hasWritten: boolean;
}

/** Sent as JSON. Once the reply is there, the reads are registered. */
export interface ReportReply {
  readonly state: FeedState;
  /** One entry per registration, in order; null when it is registered. */
  readonly refused: readonly (Refusal | null)[];
}

export interface SettledReply {
  readonly isSettled: boolean;
  readonly state: FeedState;
}

export interface LatestReply {
  readonly position?: FeedPosition | undefined;
}

const digests = new WeakMap<readonly TableRead[], string>();

/** Digest of an analysis. */
export function digestOf(reads: readonly TableRead[]): string {
  const known = digests.get(reads);
  if (known !== undefined) return known;
  const text = JSON.stringify(reads, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
  const digest = createHash('sha256').update(text).digest('base64url').slice(0, 22);
  digests.set(reads, digest);
  return digest;
}

/** Version of the package; undefined where its files were put into another one. */
export function packageVersion(): string | undefined {
  try {
    const file = new URL(import.meta.resolve('tidegate/package.json'));
    return (JSON.parse(readFileSync(file, 'utf8')) as { readonly version?: string }).version;
  } catch {
    return undefined;
  }
}
