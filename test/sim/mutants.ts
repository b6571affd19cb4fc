// Mutants: the engine with one rule taken out. Each must be caught, or the simulation does not look where it should.
//
// Not among them, since no world was found that they break: no jump of the position at a start and a gap after the image
// (test/store/disk/recovery.test.ts), records of another key or generation (record.test.ts), an index loaded over what was
// put since (model.test.ts).

import { LEDGER_MUTANTS } from '../ledger/mutants.ts';
import type { SourceEdit } from './source-edits.ts';

export interface Mutant {
  readonly name: string;
  readonly edits: readonly SourceEdit[];
}

function mutant(name: string, file: string, ...edits: readonly (readonly [find: string, replace: string])[]): Mutant {
  return { name, edits: edits.map(([find, replace]) => ({ file: `src/${file}`, find, replace })) };
}

export const MUTANTS: readonly Mutant[] = [
  ...LEDGER_MUTANTS.filter(({ isOfGates }) => isOfGates).map(({ name, edits }) => ({
    name: name.replaceAll(/[ ,]+/g, '-'),
    edits,
  })),
  mutant('join-without-bound', 'engine/http/exchange.ts', [
    'if (this.#joins > MAX_JOINS || flight === undefined',
    'if (flight === undefined',
  ]),
  mutant('share-what-is-for-one', 'engine/http/running-flight.ts', [
    "if (landing.kind === 'entry' && !landing.shareable) return false;",
    '',
  ]),
  mutant('share-across-variants', 'engine/http/running-flight.ts', [
    'if (shared.key !== requestVariantKey(joiner.key, names, joiner.request)) return false;',
    '',
  ]),
  mutant('intent-never-closed', 'engine/http/write.ts', [
    '      closeIntent?.();\n      return after(counts',
    '      return after(counts',
  ]),
  mutant('outdated-served', 'semantics/reuse.ts', ['if (at.outdated) return VALIDATE.outdated.nothing;', '']),
  mutant('outdated-served-on-error', 'engine/http/lookup.ts', [
    'if (!context.ledger.isCurrent(entry)) return undefined;',
    '',
  ]),
  mutant('outdated-validated-by-date', 'semantics/validation.ts', [
    'lastModified !== undefined && !options.outdated',
    'lastModified !== undefined',
  ]),
  mutant('renewed-date-trusted', 'semantics/validation.ts', [
    'lastModified !== undefined && !options.outdated',
    'lastModified !== undefined && (!options.outdated || isStrongLastModified(stored))',
  ]),
  mutant('outdated-freshened-by-head', 'engine/http/store-fill.ts', [
    'if (!vouched && !context.ledger.isCurrent(entry)) return;',
    '',
  ]),
  mutant('unknown-outcome-ignored', 'engine/http/write.ts', [
    'return isSent ? holdUnknown(context, request.uri, { closeIntent }) : closeIntent?.();',
    'return isSent ? closeIntent?.() : closeIntent?.();',
  ]),
  mutant('5xx-taken-for-nothing', 'engine/http/write.ts', ['if (head.status >= 500 && head', 'if (false && head']),
  mutant('no-second-invalidation', 'engine/http/write.ts', [
    "for (const selector of affected) invalidator.invalidateSoon(selector, 'write');",
    '',
  ]),
  mutant('no-second-for-groups', 'engine/http/write.ts', [
    "[{ kind: 'url', uri }, ...named]",
    "[{ kind: 'url', uri }]",
  ]),
  mutant('post-answer-always-new', 'engine/http/write.ts', [
    'if (!isAffected && areNext(positions, before)) ledger',
    'ledger',
  ]),
  mutant('no-location', 'engine/http/write.ts', [
    'invalidatedUris(request.uri, head).map',
    'invalidatedUris(request.uri, head).slice(0, 1).map',
  ]),
  mutant('no-groups', 'engine/http/write.ts', [
    'const groups = groupsInvalidated(request, fieldsForCaches(head, request.route));',
    'const groups: string[] = [];',
  ]),
  mutant('no-groups-of-5xx', 'engine/http/write.ts', [
    'holdUnknown(context, request.uri, { named, closeIntent })',
    'holdUnknown(context, request.uri, { closeIntent })',
  ]),
  mutant('promotion-renews-stamp', 'engine/tiers/tiers.ts', [
    "const isCurrent = (entry: Entry) => entry.kind === 'variants' || ledger.isCurrent(entry);",
    "const isCurrent = (entry: any) => { if (entry.kind === 'response') entry.stamp = ledger.applied; return true; };",
  ]),
  mutant('cut-bodies-stored', 'semantics/storing.ts', [
    "&& context.policy.profile === 'safe' ? 'not-delimited'",
    "&& false ? 'not-delimited'",
  ]),
  mutant('broken-bodies-stored', 'engine/http/flight.ts', [
    "if (this.draft !== undefined) this.#refuse('incomplete');",
    'if (this.draft !== undefined) return this.#end([]);',
  ]),
  mutant('private-stored', 'semantics/storing.ts', [
    "return directives.isPrivate ? 'private' : undefined;",
    'return undefined;',
  ]),
  mutant('parts-of-two-versions', 'semantics/validation.ts', ['if (!etagsMatchStrong(...tags)) return undefined;', '']),
  mutant('if-range-ignored', 'semantics/reuse.ts', [
    'if (etag !== undefined && etagsMatchStrong(wanted, etag)) return true;',
    'return true;',
  ]),
  mutant('fills-counted-wrong', 'engine/http/flight.ts', ['this.#context.tally.fillsInFlight--;', '']),
  mutant('memory-counted-wrong', 'store/memory.ts', ['this.policy.resize(slot, cost);', '']),
  mutant('intents-forgotten-at-the-start', 'store/disk/journal/journal.ts', ['[...this.#inherited, ...', '[...']),
  mutant('journal-acknowledges-early', 'store/disk/journal/journal.ts', [
    "if (change.kind === 'invalidate' || this.#health === 'lost') return this.#group.done().then(() => position);",
    '',
  ]),
  mutant('journal-not-written', 'store/disk/journal/journal.ts', [
    'this.#log?.append(record);\n      if (this.#health === ',
    'if (record.length === 0 && this.#health === ',
  ]),
  mutant('log-not-replayed', 'store/disk/journal/recovery.ts', [
    'restored.apply(change.selector, position);',
    'restored.apply({ kind: "url", uri: "elsewhere" }, position);',
  ]),
  mutant('tail-mark-ignored', 'store/disk/journal/recovery.ts', [
    '(log) => reachOf(log).serial >= end.serial',
    '() => true',
  ]),
  mutant('intents-not-restored', 'store/disk/journal/recovery.ts', [
    'const openIntents = urisOf(intents);',
    'const openIntents: string[] = [];',
  ]),
  mutant(
    'old-epoch-trusted',
    'store/disk/journal/recovery.ts',
    ['epoch: newEpoch(),', 'epoch: image?.epoch ?? newEpoch(),'],
    ["invalidations.apply({ kind: 'all' }, Math.max(...seen) + POSITION_JUMP);", 'void seen;'],
  ),
  mutant('records-unchecked', 'store/entry-record.ts', [
    "if (platform.crc32(record.subarray(8)) !== view.getUint32(4, true)) return 'checksum';",
    '',
  ]),
  mutant('member-not-waited-for', 'log/shared-log.ts', [
    'if (this.#appliedEverywhere() >= number) return undefined;',
    'if (number >= 0) return undefined;',
  ]),
  mutant('member-without-image', 'log/shared-log.ts', [
    'image: { ...image, buckets: image.buckets.slice() }',
    'image: { ...image, buckets: new Float64Array(image.buckets.length) }',
  ]),
  mutant('end-of-member-not-waited-for', 'log/shared-log.ts', [
    'member.revoked = true;',
    'member.revoked = true;\n      this.#members.delete(member);\n      this.#settle();',
  ]),
  mutant('writes-of-dead-members-forgotten', 'log/shared-log.ts', [
    'if (by === member) this.#holdUnknown(intent, uri);',
    "if (by === member) this.#unawaited(this.append({ kind: 'close', intent }));",
  ]),
  mutant('write-before-its-intent', 'engine/http/write.ts', [
    'return inForce(context);',
    'void inForce(context);\n    return undefined;',
  ]),
  mutant(
    'coding-of-another-entry',
    'engine/answers/coding.ts',
    [
      "coded?.kind !== 'response' || coded.stamp !== entry.stamp || coded.bornMs !== entry.bornMs",
      "coded?.kind !== 'response'",
    ],
    ['return this.#aboutEntry(coded, route).etag === this.#aboutEntry(entry, route).etag;', 'return true;'],
  ),
  mutant('codings-not-negotiated', 'semantics/preferences.ts', ['const weight = Number(stated);', 'const weight = 1;']),
];
