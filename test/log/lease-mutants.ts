// Mutants of the leased log: the keeper or a member with one rule taken out. The simulation must catch each.

import type { SourceEdit } from '../sim/source-edits.ts';

interface LeaseMutant {
  readonly name: string;
  readonly edits: readonly SourceEdit[];
}

function mutant(name: string, file: string, find: string, replace: string): LeaseMutant {
  return { name, edits: [{ file: `src/log/lease/${file}.ts`, find, replace }] };
}

export const LEASE_MUTANTS: readonly LeaseMutant[] = [
  mutant('acknowledges without waiting', 'keeper', 'await acknowledged;', ''),
  mutant(
    'counts a lease from the reply',
    'held-lease',
    'const endMs = sentAtMs + leaseMs;',
    'const endMs = this.#now() + leaseMs;',
  ),
  mutant(
    'forgets that an earlier instance granted leases',
    'grants',
    'if (earlierMs > 0) this.granted(EARLIER, earlierMs);',
    '',
  ),
  mutant('does not store how long leases are', 'keeper', 'if (leaseMs > log.leaseMs) log.noteLease(leaseMs);', ''),
  mutant('counts leases as if clocks ran alike', 'grants', 'now + leaseMs + driftMs(leaseMs)', 'now + leaseMs'),
  mutant(
    'takes what it has told for known',
    'keeper',
    'grants.confirmed(member, known.number);',
    'grants.confirmed(member, log.place.number);',
  ),
  mutant(
    'waits until the first lease is over',
    'grants',
    'if (wait.ends.size === 0) return this.#end(wait);',
    'return this.#end(wait);',
  ),
  mutant(
    'skips a change',
    'replica',
    'changes.slice(changes.length - missing)',
    'changes.slice(changes.length - missing + (missing > 2 ? 1 : 0))',
  ),
  mutant('takes changes again that it has', 'replica', 'changes.slice(changes.length - missing)', 'changes'),
  mutant(
    'goes back with a late reply',
    'replica',
    'if (missing <= 0) return;',
    'if (missing <= 0) return void (this.#known = { epoch, number, check });',
  ),
  mutant(
    'goes on over a gap',
    'replica',
    'if (changes === undefined || changes.length < missing) {',
    'if (changes === undefined) return void (this.#known = { epoch, number, check });\n    if (changes.length < missing) {',
  ),
  mutant('keeps its lease after a failed append', 'member', 'this.#lease.lapse();', ''),
  mutant(
    'takes a lease from before a failed append',
    'held-lease',
    'if (order <= this.#askedBeforeLapse) return false;',
    '',
  ),
  mutant('forgets an append that failed', 'member', 'this.#owed.changes = acceptable([', 'acceptable(['),
  mutant(
    'opens no intent after its end',
    'member',
    'return this.ended === undefined ? this.#batches.opened() : Promise.reject(this.ended);',
    'return this.#batches.opened();',
  ),
  mutant('writes an image without open intents', 'kept-log', 'intents: [...this.intents.values()] }', 'intents: [] }'),
  mutant(
    'writes no positions of buckets',
    'kept-log',
    "this.#writePart('positions', new Uint8Array(positions.buffer));",
    "this.#writePart('positions', new Uint8Array(positions.buffer.byteLength));",
  ),
  mutant('sets no alarm', 'keeper', 'await this.#parts.setAlarm(atMs);', ''),
  mutant(
    'sets no alarm after an alarm',
    'keeper',
    'intent: kept.intent }] : [invalidated]);\n    }\n    await this.#setAlarm();',
    'intent: kept.intent }] : [invalidated]);\n    }',
  ),
  mutant(
    'serves before it has taken what came with the lease',
    'member',
    'this.#replica.take(reply);\n    this.#owed.changes',
    'if (known === undefined) this.#replica.take(reply);\n    else this.#parts.tasks.later(50, () => this.#replica.take(reply));\n    this.#owed.changes',
  ),
  mutant(
    'acknowledges before it stores',
    'kept-log',
    "this.#exec('insert into log_changes values (?, ?, ?, ?)', number, atMs, check, text);",
    "void Promise.resolve().then(() => this.#exec('insert into log_changes values (?, ?, ?, ?)', number, atMs, check, text)).catch(String);",
  ),
  mutant(
    'writes an image that says more than it has',
    'kept-log',
    '...this.place, intents',
    '...this.place, number: this.#at.number + 1, intents',
  ),
];
