// What is checked of the models in model/: configurations that must hold, and mutants that must be caught.

export interface Check {
  readonly name: string;
  readonly model: 'invalidation' | 'cluster';
  /** Of the preprocessor. */
  readonly defines: readonly string[];
  readonly expected: 'holds' | 'caught';
  /** Takes seconds, so it goes into the tests. */
  readonly isQuick: boolean;
}

type Row = readonly [name: string, defines: string];

function rows(model: Check['model'], expected: Check['expected'], isQuick: boolean, all: readonly Row[]): Check[] {
  return all.map(([name, defines]) => ({ name, model, expected, isQuick, defines: defines.split(' ') }));
}

const ONE_WRITE = 'NW=1 CR=0 FILLS=2';
const ALONE = 'NOPOOL NW=1 LOSSES=0 FILLS=1';
const POOL = 'NOALONE NW=1 LOSSES=0 FILLS=1';

export const CHECKS: readonly Check[] = [
  ...rows('invalidation', 'holds', false, [
    ['two writers, leases that run out', 'NW=2 CR=0 FILLS=1'],
    ['a shared tier, two fills', 'L2 NW=1 CR=0 FILLS=2'],
    ['a trimmed log, a shared tier', 'L2 TRIM NW=1 CR=0 FILLS=1'],
    ['a crash and a restart', 'NW=1 CR=1 FILLS=2'],
    ['a fill that others join', 'JOIN NW=1 CR=0 FILLS=2'],
  ]),
  ...rows('invalidation', 'caught', false, [
    ['the stamp is taken after the read', `M1 ${ONE_WRITE}`],
    ['stored without a look at what was invalidated', `M2 ${ONE_WRITE}`],
    ['the same in the shared tier', `M3 L2 ${ONE_WRITE}`],
    ['the lease is not looked at', `M4 ${ONE_WRITE}`],
    ['a promotion takes a new stamp', `M5 L2 ${ONE_WRITE}`],
    ['what was trimmed is passed over', 'M6 TRIM NW=1 CR=0 FILLS=1'],
    ['whoever joins is given what a change has outdated', `M7 JOIN ${ONE_WRITE}`],
    ['who joins needs no lease', `M8 JOIN ${ONE_WRITE}`],
    ['a lease without the changes before it', `M9 ${ONE_WRITE}`],
    ['a position on the disk without its deletions', 'M10 NW=1 CR=1 FILLS=2'],
    ['appended before it is committed', `M11 ${ONE_WRITE}`],
    ['a member is forgotten while its lease goes on', 'M12 NW=2 CR=0 FILLS=1'],
  ]),
  ...rows('cluster', 'holds', true, [
    ['a gate, two writes, the engine loses all', 'NOPOOL NW=2 LOSSES=1 FILLS=2'],
    ['a gate with a worker, likewise', 'NOALONE NW=2 LOSSES=1 FILLS=1'],
    ['an answer long after the lease was looked at', 'NOPOOL LATE NW=2 LOSSES=1 FILLS=1'],
  ]),
  ...rows('cluster', 'holds', false, [
    ['a shared tier that keeps whatever it is given', 'NOPOOL L2 NW=2 LOSSES=1 FILLS=2'],
    ['both gates', 'NW=1 LOSSES=1 FILLS=1'],
  ]),
  ...rows('cluster', 'caught', true, [
    ['nobody is waited for', `K1 ${ALONE}`],
    ['a lease without the changes that it came with', `K2 ${ALONE}`],
    ['a primary confirms what its worker has not yet', `K3 ${POOL}`],
    ['the lease is not looked at', `K4 ${ALONE}`],
    ['what is stored outlives the epoch', 'K5 NOPOOL NW=2 LOSSES=1 FILLS=1'],
    ['a worker is told of the lease before the changes', `K6 ${POOL}`],
    ['leases of earlier epochs are not waited for', 'K7 NOPOOL NW=1 LOSSES=1 FILLS=1'],
    ['the reader believes the shared tier', 'K8 NOPOOL L2 NW=2 LOSSES=0 FILLS=2'],
    ['stored without a look at what was invalidated', `K9 ${ALONE}`],
    ['a primary leaves while its worker serves', `K10 ${POOL}`],
    ['a member is dropped that has renewed', 'K11 NOPOOL NW=2 LOSSES=0 FILLS=1'],
  ]),
];
