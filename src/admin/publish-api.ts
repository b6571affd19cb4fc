// Webhooks of what publishes content: `POST /publish/NAME` with the JSON that a CMS sends. The configuration says which URLs and tags
// its members name; these are invalidated, and then the URLs are filled before anyone asks. A program tells of them by itself.

import type { JobProgress } from '../engine/populate/job.ts';
import { expected, TidegateError } from '../errors.ts';
import { isRecord } from '../options/kit.ts';
import { MAX_NAMED, prepareChange } from './changes.ts';
import {
  type AdminDeps,
  type AdminRequest,
  type AdminResponse,
  failure,
  json,
  type PublishHook,
  parseJson,
} from './contract.ts';
import { itemsOf } from './populate-api.ts';

const PREFIX = '/publish/';

/** The name of the webhook that is called; undefined: something else is. */
export function hookNameOf(path: string): string | undefined {
  return path.startsWith(PREFIX) ? path.slice(PREFIX.length) : undefined;
}

type PublishDeps = Pick<AdminDeps, 'gate' | 'populate' | 'explainRequest' | 'originNames'>;

export async function publish(name: string, request: AdminRequest, deps: PublishDeps): Promise<AdminResponse> {
  const hooks = deps.populate.hooks();
  const hook = Object.hasOwn(hooks, name) ? hooks[name] : undefined;
  if (hook === undefined) {
    const known = Object.keys(hooks).join(', ') || 'none, as populate.publish is empty';
    return failure(404, `expected the name of a webhook (${known}), got ${JSON.stringify(name)}`);
  }
  if (request.method !== 'POST') {
    return { ...failure(405, `expected POST for ${request.path}, got ${request.method}`), fields: ['allow', 'POST'] };
  }
  const named = namedByHook(hook, parseJson(request.bodyText, 'what was published'));
  return json(202, await published(named, name, deps));
}

/** The URLs and tags that the content names. Throws E_SELECTOR where it names none. */
export function namedByHook(hook: PublishHook, content: unknown): PublishHook {
  const urls = hook.urls.flatMap((template) => expanded(template, content, encodeURIComponent).map(withoutDotSegments));
  const tags = hook.tags.flatMap((template) => expanded(template, content, (text) => text));
  if (urls.length + tags.length > 0) return { urls, tags };
  return expected(
    'E_SELECTOR',
    `content with the members of ${[...hook.urls, ...hook.tags].join(' or ')}`,
    'none of them',
  );
}

export interface Published {
  readonly invalidated: { readonly tags?: object; readonly urls?: object };
  /** Absent where no URL was named, or none can be filled ahead. */
  readonly job?: JobProgress;
  /** Why the URLs are not filled ahead of requests. */
  readonly notFilled?: { readonly code: string; readonly message: string };
}

/** Invalidates the tags and URLs, and begins to fill the URLs; resolves when nothing outdated is served any more. */
export async function published(
  { urls, tags }: PublishHook,
  name: string | undefined,
  deps: PublishDeps,
): Promise<Published> {
  const { items, refused } = itemsOf(urls);
  const fillable = items.filter(({ uri }) => deps.explainRequest({ method: 'GET', uri, fields: [] }) !== undefined);
  // All are read before any is invalidated, so that what is refused has changed nothing.
  const outdateTags = tags.length > 0 && prepareChange(deps, { tags });
  const outdateUrls = fillable.length > 0 && prepareChange(deps, { urls: fillable.map(({ uri }) => uri) });
  const invalidate: Parameters<ReturnType<typeof prepareChange>>[0] = (selector) => deps.gate.invalidate(selector);
  const invalidated = {
    ...(outdateTags && { tags: await outdateTags(invalidate) }),
    ...(outdateUrls && { urls: await outdateUrls(invalidate) }),
  };
  // Those without a route are counted by the job.
  if (urls.length === 0) return { invalidated };
  const named = name === undefined ? {} : { name };
  try {
    return { invalidated, job: deps.populate.begin({ cause: 'publish', ...named, items, refused }) };
  } catch (error) {
    // What was published is no longer served outdated, so the call has done what it must.
    if (!(error instanceof TidegateError)) throw error;
    return { invalidated, notFilled: { code: error.code, message: error.message } };
  }
}

const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?:\/|$)/i;

/** A value must not lead out of the place that its template has for it. */
function withoutDotSegments(url: string): string {
  const [path = ''] = url.split(/[?#]/, 1);
  return DOT_SEGMENT.test(path) ? expected('E_SELECTOR', 'values that make no segment . or ..', url) : url;
}

/** A variable of a template (RFC 6570 §3.2.2, §3.2.3): a path of members, `[]` behind one whose elements are meant. `{+…}`: as it is. */
const VARIABLE = /\{(\+?)([^{}]+)\}/;

/** The template with the values of its variables, one text for each of their combinations; none where one has no value. */
export function expanded(template: string, content: unknown, encode: (text: string) => string): string[] {
  const match = VARIABLE.exec(template);
  if (match === null) return [template];
  const [whole, raw, path = ''] = match;
  const before = template.slice(0, match.index);
  const values = valuesAt(content, path.split('.')).map((text) => (raw === '+' ? text : encode(text)));
  const rests = values.length === 0 ? [] : expanded(template.slice(match.index + whole.length), content, encode);
  if (values.length * rests.length > MAX_NAMED) {
    expected('E_SELECTOR', `at most ${MAX_NAMED} values for ${template}`, values.length * rests.length);
  }
  return values.flatMap((value) => rests.map((rest) => before + value + rest));
}

function valuesAt(value: unknown, [step, ...steps]: readonly string[]): string[] {
  if (step === undefined) {
    return (typeof value === 'string' && value !== '') || typeof value === 'number' ? [String(value)] : [];
  }
  const isList = step.endsWith('[]');
  const name = isList ? step.slice(0, -2) : step;
  // A list as the whole content has no name.
  const member = name === '' ? value : isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  if (!isList) return valuesAt(member, steps);
  return Array.isArray(member) ? member.flatMap((one) => valuesAt(one, steps)) : [];
}
