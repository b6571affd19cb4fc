// What a row of `npm run attack` is. To add rows:
//
// 1. Write a file here, such as groups/tunnels.ts, that exports a `Group`. Add its line to groups.ts; nothing else is needed.
// 2. A group has a gate of its own (`tidegate serve` as a child process), an origin of its own, and honest traffic beside it.
//    `config` adds to the gate's configuration, `listener` chooses plain HTTP or TLS with HTTP/2.
// 3. A row sends the real thing through `World`, and says in words what happened. It is met when that equals `expected`.
//    Words are joined with ', '; a word of `expected` may name several that will do: '400 or 431, closed, nothing forwarded',
//    and ' | ' parts whole sentences of which any will do.
//    `world.send(bytes)` makes such words for the usual case: statuses, 'closed' or 'open', 'nothing forwarded' or '2 forwarded'.
//    `world.stored(path)` says 'stored' or 'not stored'. Both words are also counted: what goes beyond the expected is told
//    apart from other failures. Whatever a row throws is its result, and a failure.
// 4. Rows run one after another, so that `world.forwarded()` is what this row sent to the origin. A group whose rows tell
//    their own requests by `world.path()` may run several at once with `atOnce`.
// 5. `long` rows are left out of `--short`, which has two minutes for all groups, and runs three that mostly wait (`waits`) at a time.
//    Give every wait a limit.
// 6. The runner adds two rows to each group: honest requests (all answered within 5 s and right, none refused), and the gate
//    (alive, no 'exception that nothing expected' in its log).
// Run yours alone: node test/attack/run.ts --group tunnels --row 'some words of its name'

import type { World } from './world.ts';

export interface Row {
  /** What is sent; unique within its group. */
  readonly name: string;
  /** The section of an RFC that decides, or the name of the attack. */
  readonly rule: string;
  readonly expected: string;
  /** What happened, in the words of `expected`. */
  run(world: World): Promise<string>;
  readonly long?: boolean;
  /** What happens in its place as long as the issue of another project is open; such rows are counted apart. */
  readonly exception?: { readonly got: string; readonly issue: string };
  /** Longest time; 10 s unless said. */
  readonly withinMs?: number;
}

/** What a group's configuration may refer to. */
export interface Places {
  readonly originUrl: string;
  /** The working directory of the gate. */
  readonly folder: string;
}

export interface Group {
  readonly name: string;
  /** `tls`: HTTP/1.1 and HTTP/2 on one port. */
  readonly listener?: 'plain' | 'tls';
  /** Keys of the configuration that replace those of `baseConfig` in world.ts. */
  config?(places: Places): Readonly<Record<string, unknown>>;
  /** Honest requests in a second; 30 unless said. */
  readonly honestRate?: number;
  /** Rows at a time; 1 unless said. */
  readonly atOnce?: number;
  /** Its rows mostly wait: in the short form three such groups run at a time. */
  readonly waits?: boolean;
  readonly rows: readonly Row[];
}

/** Whether each word that is expected, or one of its alternatives, was got in its place. */
export function meets(expected: string, got: string): boolean {
  const words = got.split(', ');
  return expected.split(' | ').some((sentence) => {
    const wanted = sentence.split(', ');
    return (
      wanted.length === words.length && wanted.every((word, at) => word.split(' or ').includes(words[at] as string))
    );
  });
}

/** `1 forwarded` and the like; `nothing forwarded` for none. */
export function forwardedWord(count: number): string {
  return count === 0 ? 'nothing forwarded' : `${count} forwarded`;
}

/** How many requests were forwarded, as the words say. */
export function forwardedCount(words: string): number {
  return Math.max(0, ...[...words.matchAll(/(\d+) forwarded/g)].map(([, count]) => Number(count)));
}

export function saysStored(words: string): boolean {
  return words.split(', ').some((word) => word === 'stored' || word.split(' or ').includes('stored'));
}
