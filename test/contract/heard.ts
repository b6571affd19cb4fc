// What a change feed tells, recorded for tests.

import type { Change, ChangeSet, FeedPosition, Row } from '../../src/dependency/change.ts';
import type { FeedListener } from '../../src/ports.ts';

/** Records what it is told; may be made to keep the feed waiting. */
export class Heard implements FeedListener {
  readonly sets: ChangeSet[] = [];
  readonly gaps: { readonly reason: string; readonly position: FeedPosition }[] = [];
  readonly reachedAt: FeedPosition[] = [];
  /** While it is there, `changed` waits for it. */
  hold: Promise<void> | undefined;
  /** How many calls of `changed` have not resolved; more than one at a time is the feed's mistake. */
  open = 0;
  mostOpen = 0;

  async changed(set: ChangeSet): Promise<void> {
    this.mostOpen = Math.max(this.mostOpen, ++this.open);
    this.sets.push(set);
    await this.hold;
    this.open--;
  }

  gap(reason: string, position: FeedPosition): void {
    this.gaps.push({ reason, position });
  }

  reached(position: FeedPosition): void {
    this.reachedAt.push(position);
  }

  get changes(): readonly Change[] {
    return this.sets.flatMap((set) => set.changes);
  }

  /** Changes as text: `insert users 1,Ann,30`, `update users 1,Ann,30 -> 1,Ann,31`, `truncate users`. */
  get lines(): readonly string[] {
    return this.changes.map(lineOf);
  }

  /** The last position told, by whatever call. */
  get position(): FeedPosition | undefined {
    return [...this.sets.map((set) => set.position), ...this.gaps.map((gap) => gap.position), ...this.reachedAt]
      .sort()
      .at(-1);
  }
}

export function lineOf(change: Change): string {
  const name = change.table.name;
  const text = (row: Row | undefined) => (row === undefined ? '?' : row.map((cell) => String(cell)).join(','));
  switch (change.kind) {
    case 'insert':
      return `insert ${name} ${text(change.new)}`;
    case 'update':
      return `update ${name} ${text(change.old)} -> ${text(change.new)}`;
    case 'delete':
      return `delete ${name} ${text(change.old)}`;
    case 'truncate':
      return `truncate ${name}`;
  }
}
