// What the log shows of what clients send: the one rule. More people read a log than see the traffic, so no secret may get
// into it: no userinfo, no value of a parameter, no part of a path that looks like a token, no field of a request.

import { normalPath } from '../../entry/key.ts';
import { ANY_READING } from '../../entry/path-readings.ts';
import { anyReading, compilePaths } from '../../site/path-tests.ts';
import type { RefusalReport } from '../front/front-contract.ts';
import type { RefusalReason } from '../front/refusals.ts';

/** Stands for what is left out. */
const HIDDEN = '…';

export interface ShownTargets {
  /** Whether to show the paths as they are, with the values of parameters. */
  readonly showValues: boolean;
  /** Patterns of paths that are left out altogether. */
  readonly hidePaths?: string | readonly string[] | undefined;
}

/** How the log shows a path with its query. */
export function shownPathOf({ showValues, hidePaths }: ShownTargets): (path: string) => string {
  const isHidden = hidePaths === undefined ? () => false : anyReading(compilePaths(hidePaths), ANY_READING);
  return (path) => {
    if (isHidden(normalPath(path))) return `/${HIDDEN}`;
    return showValues ? path : redactPath(path);
  };
}

/** A longer name of a parameter counts as a value. */
const MAX_NAME = 40;

/** The path without tokens, its parameters by their names alone; one without `=` may be a value. */
export function redactPath(path: string): string {
  const [plain = '', ...query] = path.split('?');
  const shown = plain.split('/').map(redactSegment).join('/');
  return query.length === 0 ? shown : `${shown}?${query.join('?').split('&').map(redactParameter).join('&')}`;
}

function redactSegment(segment: string): string {
  const [name = '', ...parameters] = segment.split(';');
  const shown = isToken(name) ? HIDDEN : name.replace(RUN, (run) => (isRandom(run) ? HIDDEN : run));
  return [shown, ...parameters.map(redactParameter)].join(';');
}

function redactParameter(part: string): string {
  const equals = part.indexOf('=');
  if (equals < 0) return part === '' ? '' : '*';
  const name = part.slice(0, equals);
  return `${name.length > MAX_NAME || isToken(name) || UUID.test(name) ? '*' : name.replace(RUN, (run) => (isRandom(run) ? '*' : run))}=*`;
}

/** In a path it names a record; a parameter has no such name. */
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Letters and digits that belong together: words of a name are parted by other characters. */
const RUN = /[a-z0-9]{16,}/gi;

/** Hex or letters mixed with digits, as no word is. A number alone is a name. */
function isRandom(run: string): boolean {
  return /\d/.test(run) && /[a-z]/i.test(run);
}

/** A token as a whole: a JSON web token, base64 with its separators, and any segment with userinfo. */
function isToken(segment: string): boolean {
  if (segment.includes('@') && segment.includes(':')) return true;
  if (/^[\w-]{8,}\.[\w-]{8,}\.[\w-]*$/.test(segment) && /^ey/.test(segment)) return true;
  const isBase64 = /^(?:[\w+~-]|%2[bf]|%3d|=){22,}$/i.test(segment);
  return isBase64 && /[a-z]/.test(segment) && /[A-Z]/.test(segment) && /\d/.test(segment);
}

/** Text of an exception that is not the gate's own: Node and others quote in it what they could not read. */
export function redactText(text: string): string {
  const plain = text.replace(/(["'`])(?:.*?\1|.*$)/gs, `$1${HIDDEN}$1`);
  return plain
    .split(/([\s/?&]+)/)
    .map(redactSegment)
    .join('');
}

/** A client may send any word as a method. */
export function shownMethod(method: string): string {
  return /^[A-Z-]{1,20}$/.test(method) ? method : HIDDEN;
}

/** What was got is the gate's own text. */
const OWN_TEXT: ReadonlySet<RefusalReason> = new Set([
  ...([
    'connections',
    'tunnels',
    'content-stalled',
    'content-too-slow',
    'content-too-large',
    'chunk-extensions',
  ] as const),
  ...(['fault', 'fields-too-many', 'head-too-large', 'head-too-slow', 'host-missing', 'method-connect'] as const),
  ...(['method-trace', 'syntax', 'target-too-long', 'upgrade-too-slow', 'unknown-host'] as const),
  ...(['content-on-get', 'http-version', 'incomplete', 'upgrade-failed'] as const),
]);

/** What a refused request had in place of what was expected; of other text of a client no more than its length. */
export function redactGot({ reason, got }: Pick<RefusalReport, 'reason' | 'got'>, shownPath: (path: string) => string) {
  if (OWN_TEXT.has(reason)) return got;
  if (reason === 'method-not-taken') return shownMethod(got);
  return reason === 'no-route' && got.startsWith('/') ? shownPath(got) : `${got.length} characters`;
}
