// The last invalidations that came into force here, whoever made them, for operators to look at.

import type { RecentInvalidation } from '../../admin/contract.ts';
import type { LogEvent, Position } from '../../ledger/log.ts';
import type { Selector } from '../../ledger/selector.ts';
import type { Clock } from '../../ports.ts';

const MOST_KEPT = 500;

export class RecentInvalidations {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #kept: { position: Position; at: number; selector: Selector }[] = [];
  /** The place of the oldest, once all are taken. */
  #next = 0;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  readonly heard = (position: Position, event: LogEvent): void => {
    // A log that goes on elsewhere has other positions: those of before name nothing in it.
    if (event.kind === 'begin') this.#kept.length = this.#next = 0;
    if (event.kind !== 'invalidate') return;
    this.#kept[this.#next] = { position, at: this.#clock.now(), selector: event.selector };
    this.#next = (this.#next + 1) % MOST_KEPT;
  };

  /** The newest first, those after the position alone. */
  list(after: Position): RecentInvalidation[] {
    const found = this.#kept.filter(({ position }) => position > after);
    found.sort((one, other) => other.position - one.position);
    return found.map(({ position, at, selector }) => ({ position, at, kind: selector.kind, what: nameOf(selector) }));
  }
}

/** A tag of a tenant has the tenant's name behind it. */
function nameOf(selector: Selector): string {
  switch (selector.kind) {
    case 'url':
      return selector.uri;
    case 'tag':
      return selector.tag.replace('\n', ' of ');
    case 'prefix':
      return selector.prefix;
    case 'pattern':
      return selector.pattern;
    case 'origin':
      return selector.origin;
    case 'all':
      return 'everything';
  }
}
