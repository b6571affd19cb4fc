// What an invalidation names, as the admin API takes it, and which resources that is: worked out here, from the
// resources, and not with the gate's own matching.

import type { Dice } from '../sim/dice.ts';
import { HOST, type Resource, SECTIONS, TAGS } from './resources.ts';

export interface Selection {
  readonly kind: 'url' | 'tag' | 'tags' | 'prefix' | 'pattern' | 'origin' | 'all';
  /** As JSON in the request. */
  readonly body: object;
  readonly affected: readonly Resource[];
}

/** The origin's name in the gate's configuration. */
export const ORIGIN_NAME = 'app';

export function urlSelection(resource: Resource): Selection {
  return { kind: 'url', body: { url: resource.url }, affected: [resource] };
}

export function anySelection(resources: readonly Resource[], dice: Dice): Selection {
  const of = (kind: Selection['kind'], body: object, affects: (resource: Resource) => boolean): Selection => ({
    kind,
    body,
    affected: resources.filter(affects),
  });
  const resource = dice.pick(resources);
  const section = dice.pick(SECTIONS);
  const digit = String(dice.below(10));
  const kind = dice.weighted({ url: 40, own: 24, tag: 10, tags: 6, prefix: 9, pattern: 9, origin: 1, all: 1 });
  switch (kind) {
    case 'url':
      return urlSelection(resource);
    case 'own':
      return of('tag', { tag: `own-${resource.id}` }, (each) => each === resource);
    case 'tag': {
      const tag = dice.pick(TAGS);
      return of('tag', { tag }, ({ tags }) => tags.includes(tag));
    }
    case 'tags': {
      const named = [dice.pick(TAGS), `own-${resource.id}`];
      return of('tags', { tags: named }, ({ tags }) => tags.some((tag) => named.includes(tag)));
    }
    case 'prefix': {
      const prefix = resource.path.slice(0, -1);
      return of('prefix', { prefix: `http://${HOST}${prefix}` }, ({ path }) => path.startsWith(prefix));
    }
    case 'pattern':
      return of(
        'pattern',
        { pattern: `*/${section}/*${digit}` },
        (each) => each.section === section && each.path.endsWith(digit),
      );
    case 'origin':
      return of('origin', { origin: ORIGIN_NAME }, () => true);
    case 'all':
      return of('all', { all: true }, () => true);
  }
}
