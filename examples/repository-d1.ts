// A repository over D1 of Cloudflare Workers. In a Worker, `database` is `env.DB`; here Miniflare gives one.

import { Miniflare } from 'miniflare';
import { createCache, createRepository, UnitOfWork } from 'tidegate';

interface Article {
  readonly id: number;
  readonly title: string;
}

const worker = new Miniflare({
  modules: true,
  script: 'export default { fetch: () => new Response() }',
  d1Databases: ['DB'],
});
const database = await worker.getD1Database('DB');
await database.exec('create table articles (id integer primary key, title text not null)');

const cache = createCache();
const articles = createRepository({
  cache,
  entity: 'article',
  idOf: (article: Article) => article.id,
  findById: (id: number) => database.prepare('select * from articles where id = ?').bind(id).first<Article>(),
  findMany: async ({ limit }: { readonly limit: number }) =>
    (await database.prepare('select * from articles order by id limit ?').bind(limit).all<Article>()).results,
  create: async ({ title }: { readonly title: string }) => {
    const statement = database.prepare('insert into articles (title) values (?) returning *').bind(title);
    return (await statement.first<Article>()) as Article;
  },
  update: (id, { title }: { readonly title: string }) =>
    database.prepare('update articles set title = ? where id = ? returning *').bind(title, id).first<Article>(),
  remove: async (id) => (await database.prepare('delete from articles where id = ?').bind(id).run()).meta.changes > 0,
});

const { id } = await articles.create({ title: 'Tides' });
console.log(await articles.findById(id));
await articles.update(id, { title: 'Tides and gates' });
console.log(await articles.findById(id), await articles.findMany({ limit: 10 }));

// A batch is a transaction of D1: what it changes is invalidated once it is through.
const unit = new UnitOfWork(cache);
unit.note({ tags: [articles.itemKey(id), 'article:list'] });
await unit.commit(() =>
  database.batch([
    database.prepare('update articles set title = ? where id = ?').bind('Gates', id),
    database.prepare('insert into articles (title) values (?)').bind('Locks'),
  ]),
);
console.log(await articles.findMany({ limit: 10 }));
await worker.dispose();
