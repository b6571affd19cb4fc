// Transactions: what a transaction changes is invalidated once it is committed, and not before.

import { DatabaseSync } from 'node:sqlite';
import { createCache, createRepository, transaction } from 'tidegate';

interface Account {
  readonly id: string;
  readonly cents: number;
}

const database = new DatabaseSync(':memory:');
database.exec(
  "create table accounts (id text primary key, cents integer); insert into accounts values ('a', 100), ('b', 0)",
);

const find = (id: string) => {
  const row = database.prepare('select * from accounts where id = ?').get(id);
  return row && ({ ...row } as unknown as Account);
};

const cache = createCache();
const accounts = createRepository({
  cache,
  entity: 'account',
  idOf: (account: Account) => account.id,
  findById: find,
  findMany: (_: object): Account[] => [],
  create: (account: Account) => account,
  update: (id, { add }: { readonly add: number }) => {
    database.prepare('update accounts set cents = cents + ? where id = ?').run(add, id);
    return find(id);
  },
  remove: () => false,
});

// One connection for all: other reads see what is not committed yet.
const control = {
  begin: () => database.exec('begin'),
  commit: () => database.exec('commit'),
  rollback: () => database.exec('rollback'),
  isConnectionShared: true,
};

async function transfer(from: string, to: string, cents: number): Promise<void> {
  await transaction(cache, control, async (unit) => {
    const inside = accounts.within(unit);
    const payer = await inside.update(from, { add: -cents });
    await inside.update(to, { add: cents });
    if ((payer?.cents ?? 0) < 0) throw new Error(`${from} has too little`);
  });
}

console.log((await accounts.findById('a'))?.cents, (await accounts.findById('b'))?.cents);

await transfer('a', 'b', 30);
console.log((await accounts.findById('a'))?.cents, (await accounts.findById('b'))?.cents);

await transfer('a', 'b', 300).catch((error) => console.log(error.message));
console.log((await accounts.findById('a'))?.cents, (await accounts.findById('b'))?.cents);
