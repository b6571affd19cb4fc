// A blog with the interface of RealWorld ("Conduit"), as an ORM queries it: many-to-one by LEFT JOIN, lists by IN, counts
// as subselects. RealWorld names no mix; the shares are ours, 8 % of the requests write.

import type { SQLInputValue } from 'node:sqlite';
import type { Dice } from '../../test/sim/dice.ts';
import {
  type Ask,
  insert,
  type Page,
  places,
  type Requests,
  type Row,
  type Statement,
  statement,
  valuesOf,
  type Workload,
  type Write,
  Zipf,
} from './workload.ts';

const USERS = 500;
const ARTICLES = 2_000;
const COMMENTS = 6_000;
const TAGS = 100;
const PAGE = 20;

export const blog: Workload = {
  name: 'blog',
  schema: [
    `CREATE TABLE users (id INTEGER PRIMARY KEY, username TEXT NOT NULL UNIQUE, email TEXT NOT NULL UNIQUE,
       password TEXT NOT NULL, bio TEXT, image TEXT)`,
    `CREATE TABLE articles (id INTEGER PRIMARY KEY, slug TEXT NOT NULL UNIQUE, title TEXT NOT NULL,
       description TEXT NOT NULL, body TEXT NOT NULL, author_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
       created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL)`,
    'CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)',
    `CREATE TABLE article_tags (article_id INTEGER NOT NULL REFERENCES articles ON DELETE CASCADE,
       tag_id INTEGER NOT NULL REFERENCES tags, PRIMARY KEY (article_id, tag_id))`,
    `CREATE TABLE favorites (user_id INTEGER NOT NULL REFERENCES users,
       article_id INTEGER NOT NULL REFERENCES articles ON DELETE CASCADE, PRIMARY KEY (user_id, article_id))`,
    `CREATE TABLE follows (follower_id INTEGER NOT NULL REFERENCES users, followed_id INTEGER NOT NULL REFERENCES users,
       PRIMARY KEY (follower_id, followed_id))`,
    `CREATE TABLE comments (id INTEGER PRIMARY KEY, body TEXT NOT NULL,
       article_id INTEGER NOT NULL REFERENCES articles ON DELETE CASCADE,
       author_id INTEGER NOT NULL REFERENCES users, created_at INTEGER NOT NULL)`,
    'CREATE INDEX articles_created ON articles (created_at)',
    'CREATE INDEX articles_author ON articles (author_id)',
    'CREATE INDEX article_tags_tag ON article_tags (tag_id)',
    'CREATE INDEX favorites_article ON favorites (article_id)',
    'CREATE INDEX comments_article ON comments (article_id)',
  ],
  rows(dice) {
    const made: Statement[] = [];
    const tags = new Zipf(dice, TAGS);
    for (let id = 1; id <= USERS; id++) made.push(newUser(id));
    for (let id = 1; id <= TAGS; id++) made.push(insert('tags', { id, name: `tag-${id}` }));
    for (let id = 1; id <= ARTICLES; id++) made.push(...newArticle(dice, { id, author: dice.between(1, USERS), tags }));
    for (let id = 1; id <= COMMENTS; id++) made.push(newComment(dice, { id, article: dice.between(1, ARTICLES) }));
    for (let at = 0; at < 8_000; at++) made.push(favorite(dice.between(1, USERS), dice.between(1, ARTICLES)));
    for (let at = 0; at < 5_000; at++) made.push(follow(dice.between(1, USERS), dice.between(1, USERS)));
    return made;
  },
  requests,
};

function newUser(id: number): Statement {
  const username = `user-${id}`;
  return insert('users', { id, username, email: `${username}@example.org`, password: 'hash', bio: null, image: null });
}

interface NewArticle {
  readonly id: number;
  readonly author: number;
  readonly tags: Zipf;
}

function newArticle(dice: Dice, { id, author, tags }: NewArticle): Statement[] {
  const names = new Set(Array.from({ length: dice.between(0, 3) }, () => tags.rank() + 1));
  return [
    insert('articles', {
      id,
      slug: `article-${id}`,
      title: `Article ${id}`,
      description: `About ${id}`,
      body: `Body of ${id}`,
      author_id: author,
      created_at: 1_000_000 + id,
      updated_at: 1_000_000 + id,
    }),
    ...[...names].map((tag) => insert('article_tags', { article_id: id, tag_id: tag })),
  ];
}

function newComment(dice: Dice, { id, article }: { readonly id: number; readonly article: number }): Statement {
  // An article that is deleted has no comments.
  return statement(
    'INSERT INTO comments (id, body, article_id, author_id, created_at) SELECT ?, ?, id, ?, ? FROM articles WHERE id = ?',
    id,
    `Comment ${id}`,
    dice.between(1, USERS),
    1_000_000 + id,
    article,
  );
}

function favorite(user: number, article: number): Statement {
  return statement(
    'INSERT OR IGNORE INTO favorites (user_id, article_id) SELECT ?, id FROM articles WHERE id = ?',
    user,
    article,
  );
}

function follow(follower: number, followed: number): Statement {
  return statement('INSERT OR IGNORE INTO follows (follower_id, followed_id) VALUES (?, ?)', follower, followed);
}

const COLUMNS = `a.id, a.slug, a.title, a.description, a.created_at, a.updated_at, a.author_id,
  u.id AS user_id, u.username, u.bio, u.image,
  (SELECT COUNT(*) FROM favorites c WHERE c.article_id = a.id) AS favorites_count`;
const LATEST = `ORDER BY a.created_at DESC, a.id DESC LIMIT ${PAGE} OFFSET ?`;

/** A list of articles with their tags, as the interface answers it. */
function articles(ask: Ask, name: string, [rest, ...parameters]: readonly [string, ...SQLInputValue[]]): void {
  const text = `SELECT ${COLUMNS} FROM articles a LEFT JOIN users u ON u.id = a.author_id ${rest} ${LATEST}`;
  tagsOf(ask, ask(name, text, ...parameters));
}

function tagsOf(ask: Ask, rows: readonly Row[]): void {
  const ids = valuesOf(rows, 0);
  if (ids.length === 0) return;
  ask(
    'tags of articles',
    `SELECT at.article_id, at.tag_id, t.name FROM article_tags at LEFT JOIN tags t ON t.id = at.tag_id
     WHERE at.article_id IN (${places(ids)}) ORDER BY at.article_id, t.name`,
    ...ids,
  );
}

function list(offset: number): Page {
  return {
    url: `/articles?offset=${offset}`,
    answer(ask) {
      articles(ask, 'articles', ['', offset]);
      ask('articles counted', 'SELECT COUNT(*) FROM articles');
    },
  };
}

function byTag(name: string): Page {
  return {
    url: `/articles?tag=${name}`,
    answer(ask) {
      const rest = `JOIN article_tags at ON at.article_id = a.id JOIN tags t ON t.id = at.tag_id WHERE t.name = ?`;
      articles(ask, 'articles by tag', [rest, name, 0]);
    },
  };
}

function byAuthor(username: string): Page {
  return {
    url: `/articles?author=${username}`,
    answer: (ask) => articles(ask, 'articles by author', ['WHERE u.username = ?', username, 0]),
  };
}

function byFavorite(username: string): Page {
  return {
    url: `/articles?favorited=${username}`,
    answer(ask) {
      const rest = `JOIN favorites f ON f.article_id = a.id JOIN users fu ON fu.id = f.user_id WHERE fu.username = ?`;
      articles(ask, 'articles favorited', [rest, username, 0]);
    },
  };
}

function feed(user: number): Page {
  return {
    url: `/articles/feed?user=${user}`,
    answer(ask) {
      const rest = 'WHERE a.author_id IN (SELECT followed_id FROM follows WHERE follower_id = ?)';
      articles(ask, 'feed', [rest, user, 0]);
    },
  };
}

function article(slug: string): Page {
  return {
    url: `/articles/${slug}`,
    answer(ask) {
      const text = `SELECT ${COLUMNS}, a.body FROM articles a LEFT JOIN users u ON u.id = a.author_id WHERE a.slug = ?`;
      tagsOf(ask, ask('article', text, slug));
    },
  };
}

function comments(slug: string): Page {
  return {
    url: `/articles/${slug}/comments`,
    answer(ask) {
      const [found] = ask('article by slug', 'SELECT id FROM articles WHERE slug = ?', slug);
      if (found === undefined) return;
      ask(
        'comments',
        `SELECT c.id, c.body, c.created_at, c.author_id, u.id AS user_id, u.username, u.image
         FROM comments c LEFT JOIN users u ON u.id = c.author_id WHERE c.article_id = ? ORDER BY c.id DESC`,
        found[0] as number,
      );
    },
  };
}

function profile(username: string): Page {
  return {
    url: `/profiles/${username}`,
    answer(ask) {
      const [user] = ask('profile', 'SELECT id, username, bio, image FROM users WHERE username = ?', username);
      if (user === undefined) return;
      ask('followers counted', 'SELECT COUNT(*) FROM follows WHERE followed_id = ?', user[0] as number);
    },
  };
}

const TAG_CLOUD = `SELECT t.name, COUNT(*) AS uses FROM tags t JOIN article_tags at ON at.tag_id = t.id
  GROUP BY t.name ORDER BY uses DESC, t.name LIMIT 20`;

function requests(dice: Dice): Requests {
  const recent = new Zipf(dice, ARTICLES);
  const people = new Zipf(dice, USERS);
  const next = { users: USERS, articles: ARTICLES, comments: COMMENTS };
  const picked: Picked = {
    next,
    tags: new Zipf(dice, TAGS),
    article: () => recent.newest(next.articles),
    user: () => people.spread(),
  };
  return { reads: readsOf(dice, picked), writes: writesOf(dice, picked) };
}

/** What is chosen for a request, by how popular it is; and what is there. */
interface Picked {
  readonly next: { users: number; articles: number; comments: number };
  readonly tags: Zipf;
  article(): number;
  user(): number;
}

function readsOf(dice: Dice, { tags, article: id, user }: Picked): Requests['reads'] {
  const pages = new Zipf(dice, 10, 1.5);
  const slug = () => `article-${id()}`;
  const username = () => `user-${user()}`;
  return {
    list: { weight: 20, page: () => list(PAGE * pages.rank()) },
    byTag: { weight: 9, page: () => byTag(`tag-${tags.rank() + 1}`) },
    byAuthor: { weight: 5, page: () => byAuthor(username()) },
    byFavorite: { weight: 3, page: () => byFavorite(username()) },
    feed: { weight: 9, page: () => feed(user()) },
    article: { weight: 22, page: () => article(slug()) },
    comments: { weight: 14, page: () => comments(slug()) },
    profile: { weight: 5, page: () => profile(username()) },
    tags: { weight: 5, page: () => ({ url: '/tags', answer: (ask) => void ask('tags', TAG_CLOUD) }) },
  };
}

function writesOf(dice: Dice, { next, tags, article: id, user }: Picked): Requests['writes'] {
  const edit = (): Write => {
    const at = 2_000_000 + dice.below(1_000_000);
    return [statement('UPDATE articles SET body = ?, updated_at = ? WHERE id = ?', `Edited ${at}`, at, id())];
  };
  const unfavorite = (): Write => [
    statement('DELETE FROM favorites WHERE user_id = ? AND article_id = ?', user(), id()),
  ];
  const unfollow = (): Write => [
    statement('DELETE FROM follows WHERE follower_id = ? AND followed_id = ?', user(), user()),
  ];
  const settings = (): Write => [
    statement('UPDATE users SET bio = ? WHERE id = ?', `Bio ${dice.below(1_000)}`, user()),
  ];
  return {
    article: { weight: 0.6, write: () => newArticle(dice, { id: ++next.articles, author: user(), tags }) },
    edit: { weight: 0.8, write: edit },
    remove: { weight: 0.1, write: () => [statement('DELETE FROM articles WHERE id = ?', id())] },
    favorite: { weight: 2.8, write: () => [favorite(user(), id())] },
    unfavorite: { weight: 0.3, write: unfavorite },
    comment: { weight: 2, write: () => [newComment(dice, { id: ++next.comments, article: id() })] },
    follow: { weight: 0.8, write: () => [follow(user(), user())] },
    unfollow: { weight: 0.1, write: unfollow },
    register: { weight: 0.3, write: () => [newUser(++next.users)] },
    settings: { weight: 0.2, write: settings },
  };
}
