// `POST /preview`: what an invalidation, a purge or a publish webhook would name now, without doing it.

import type { EntrySummary } from '../engine/contract.ts';
import { expected } from '../errors.ts';
import type { Selector } from '../ledger/selector.ts';
import { isRecord } from '../options/kit.ts';
import { selectorsIn } from './changes.ts';
import { type AdminDeps, objectOf } from './contract.ts';
import { withoutSecrets } from './explain.ts';
import { namedByHook } from './publish-api.ts';

export interface Preview {
  /** Stored responses that are not outdated yet. */
  readonly matched: number;
  /** True: there are more than these. */
  readonly more: boolean;
  /** The first of them. */
  readonly entries: readonly EntrySummary[];
  /** Of a webhook: what its content names. */
  readonly urls?: readonly string[];
  readonly tags?: readonly string[];
}

const MOST_MATCHED = 1_000;
const MOST_SHOWN = 20;

type PreviewDeps = Pick<AdminDeps, 'gate' | 'populate' | 'explainRequest' | 'originNames'>;

/** `asked`: a selector, or `{"publish": NAME, "content": …}`. */
export async function preview(deps: PreviewDeps, asked: unknown): Promise<Preview> {
  if (!isRecord(asked) || !('publish' in asked)) return previewChange(deps, asked);
  const { publish, content } = objectOf(asked, 'the name of a webhook and its content', ['publish', 'content']);
  const hooks = deps.populate.hooks();
  const hook = typeof publish === 'string' && Object.hasOwn(hooks, publish) ? hooks[publish] : undefined;
  const { urls, tags } = namedByHook(
    hook ?? expected('E_SELECTOR', `one of ${Object.keys(hooks).join(', ') || 'no webhooks'} as publish`, publish),
    content,
  );
  const routed = urls.filter((uri) => deps.explainRequest({ method: 'GET', uri, fields: [] }) !== undefined);
  const selectors = [
    ...(tags.length > 0 ? selectorsIn(deps, { tags }) : []),
    ...(routed.length > 0 ? selectorsIn(deps, { urls: routed }) : []),
  ];
  return { ...(await previewOf(deps, selectors)), urls, tags };
}

/** `asked`: a selector. */
export async function previewChange(deps: Omit<PreviewDeps, 'populate'>, asked: unknown): Promise<Preview> {
  return previewOf(deps, selectorsIn(deps, asked));
}

async function previewOf({ gate }: Pick<PreviewDeps, 'gate'>, selectors: readonly Selector[]): Promise<Preview> {
  const byKey = new Map<string, EntrySummary>();
  let more = false;
  for (const selector of selectors) {
    if (byKey.size >= MOST_MATCHED) return answer(byKey, true);
    const { entries, next } = await gate.list({ selector, limit: MOST_MATCHED });
    more ||= next !== undefined;
    for (const entry of entries) if (!entry.outdated) byKey.set(entry.key, withoutSecrets(entry));
  }
  return answer(byKey, more);
}

function answer(byKey: ReadonlyMap<string, EntrySummary>, more: boolean): Preview {
  const entries = [...byKey.values()].sort((one, other) => (one.key < other.key ? -1 : 1)).slice(0, MOST_SHOWN);
  return { matched: byKey.size, more, entries };
}
