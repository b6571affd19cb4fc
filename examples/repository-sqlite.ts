// A repository over node:sqlite: reads go through the cache, writes invalidate what they change.

import { DatabaseSync } from 'node:sqlite';
import { createCache, createRepository } from 'tidegate';

interface User {
  readonly id: number;
  readonly name: string;
  readonly city: string;
}

const database = new DatabaseSync(':memory:');
database.exec(`create table users (id integer primary key, name text not null, city text not null);
  insert into users (name, city) values ('Ada', 'London'), ('Grace', 'New York'), ('Hedy', 'Vienna')`);

const users = createRepository({
  cache: createCache(),
  entity: 'user',
  item: { ttl: '1h', nullTtl: '1m' },
  list: { ttl: '10m' },
  idOf: (user: User) => user.id,
  findById: (id: number) => one('select * from users where id = ?', id),
  findMany: ({ city }: { readonly city: string }) => all('select * from users where city = ? order by id', city),
  create: ({ name, city }: Omit<User, 'id'>) =>
    one('insert into users (name, city) values (?, ?) returning *', name, city) as User,
  update: (id, { city }: { readonly city: string }) =>
    one('update users set city = ? where id = ? returning *', city, id),
  remove: (id) => database.prepare('delete from users where id = ?').run(id).changes > 0,
});

function all(sql: string, ...parameters: (string | number)[]): User[] {
  console.log('  sql:', sql);
  // Rows of node:sqlite have no prototype; a copy is a plain object.
  return database
    .prepare(sql)
    .all(...parameters)
    .map((row) => ({ ...row }) as unknown as User);
}

function one(sql: string, ...parameters: (string | number)[]): User | undefined {
  return all(sql, ...parameters)[0];
}

console.log(await users.findById(2));
console.log(await users.findById(2));
console.log(await users.findMany({ city: 'London' }));

await users.update(2, { city: 'London' });
console.log(await users.findById(2));
console.log((await users.findMany({ city: 'London' })).length);

console.log(await users.findById(4));
await users.create({ name: 'Joan', city: 'Paris' });
console.log(await users.findById(4));
console.log(await users.delete(4), await users.findById(4));
