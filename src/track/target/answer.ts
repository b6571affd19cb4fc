// Answers an operator's question about a source, within bounds.
//
// The answer goes along with invalidations, and must not hold them up. So it is small, and a failure is an answer, too.

import type { Described, Description, SourceAnswer, SourceQuestion } from '../../dependency/describe/describe.ts';
import type { Registry } from '../../dependency/registry.ts';
import { bareName } from '../../dependency/table-name.ts';
import { messageOf } from '../../errors.ts';

export interface Answering {
  /** Undefined while the feed has not begun. */
  readonly registry: Registry | undefined;
  readonly covers: (table: string) => boolean;
}

export const MAX_ANSWER_BYTES = 200_000;
const MAX_PROBLEM = 300;
const encoder = new TextEncoder();

export function answerOf({ id, about }: SourceQuestion, answering: Answering): SourceAnswer {
  const { described, isWhole, problem } = describe(about, answering);
  const kept: Described[] = [];
  let left = MAX_ANSWER_BYTES - 1_000;
  for (const one of described) {
    left -= sizeOf(one) + 1;
    if (left < 0) break;
    kept.push(one);
  }
  return {
    id,
    described: kept,
    isWhole: isWhole && kept.length === described.length,
    ...(problem !== undefined && { problem: problem.slice(0, MAX_PROBLEM) }),
  };
}

/** Size in JSON, as it is sent. */
export function sizeOf(value: unknown): number {
  return encoder.encode(JSON.stringify(value)).length;
}

function describe(about: SourceQuestion['about'], { registry, covers }: Answering): Description {
  if (registry === undefined) return nothing('expected a tracker whose feed has begun, got one that starts');
  try {
    if (about.kind === 'tags') return registry.describe(about.tags);
    const { table } = about;
    const found = about.kind === 'table' ? registry.tagsOfTable(table) : registry.tagsOfRecord(table, about.key);
    if (registry.isRead(table)) return found;
    if (covers(table) || covers(bareName(table)))
      return { ...found, problem: `no statement that is registered reads a table named ${table}` };
    const why = 'there is no such table, or its changes are not told; then what is read from it is not stored';
    return { ...found, problem: `expected a table whose changes are told, got ${table}: ${why}` };
  } catch (error) {
    return nothing(messageOf(error));
  }
}

function nothing(problem: string): Description {
  return { described: [], isWhole: false, problem };
}
