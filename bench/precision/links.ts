// A link aggregator: the pages of Lobsters as its Rails application queries them (one table at a time, what belongs to
// them by IN), in the shares of the workload that Noria was measured with. It has no tag page: a part of the front page's
// share is ours.

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

const USERS = 900;
const STORIES = 4_000;
const COMMENTS_PER_STORY = 7;
const TAGS = 60;
const PAGE = 25;

export const links: Workload = {
  name: 'links',
  schema: [
    `CREATE TABLE users (id INTEGER PRIMARY KEY, username TEXT NOT NULL UNIQUE, about TEXT NOT NULL,
       karma INTEGER NOT NULL, created_at INTEGER NOT NULL, session_token TEXT)`,
    `CREATE TABLE stories (id INTEGER PRIMARY KEY, short_id TEXT NOT NULL UNIQUE, title TEXT NOT NULL, url TEXT NOT NULL,
       user_id INTEGER NOT NULL REFERENCES users, score INTEGER NOT NULL, hotness REAL NOT NULL,
       comments_count INTEGER NOT NULL, is_expired INTEGER NOT NULL, merged_story_id INTEGER, created_at INTEGER NOT NULL)`,
    `CREATE TABLE comments (id INTEGER PRIMARY KEY, story_id INTEGER NOT NULL REFERENCES stories, parent_comment_id INTEGER,
       user_id INTEGER NOT NULL REFERENCES users, comment TEXT NOT NULL, score INTEGER NOT NULL,
       confidence REAL NOT NULL, is_deleted INTEGER NOT NULL, created_at INTEGER NOT NULL)`,
    'CREATE TABLE tags (id INTEGER PRIMARY KEY, tag TEXT NOT NULL UNIQUE)',
    `CREATE TABLE taggings (id INTEGER PRIMARY KEY, story_id INTEGER NOT NULL REFERENCES stories,
       tag_id INTEGER NOT NULL REFERENCES tags)`,
    `CREATE TABLE votes (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, story_id INTEGER NOT NULL, comment_id INTEGER,
       vote INTEGER NOT NULL)`,
    'CREATE INDEX stories_hotness ON stories (hotness)',
    'CREATE INDEX comments_story ON comments (story_id)',
    'CREATE INDEX comments_user ON comments (user_id)',
    'CREATE INDEX taggings_story ON taggings (story_id)',
    'CREATE INDEX taggings_tag ON taggings (tag_id)',
    'CREATE INDEX stories_user ON stories (user_id)',
  ],
  rows(dice) {
    const made: Statement[] = [];
    const tags = new Zipf(dice, TAGS);
    const people = new Zipf(dice, USERS);
    for (let id = 1; id <= USERS; id++) made.push(newUser(id));
    for (let id = 1; id <= TAGS; id++) made.push(insert('tags', { id, tag: `tag${id}` }));
    for (let id = 1; id <= STORIES; id++) made.push(...submit(dice, { id, user: people.spread(), tags }));
    for (let id = 1; id <= STORIES * COMMENTS_PER_STORY; id++) {
      made.push(...comment(dice, { id, story: (id % STORIES) + 1, user: people.spread() }));
    }
    return made;
  },
  requests,
};

function newUser(id: number): Statement {
  return insert('users', {
    id,
    username: `user${id}`,
    about: `About ${id}`,
    karma: 0,
    created_at: id,
    session_token: `token${id}`,
  });
}

interface NewStory {
  readonly id: number;
  readonly user: number;
  readonly tags: Zipf;
}

/** Newer and better is hotter, which is a smaller number. */
function submit(dice: Dice, { id, user, tags }: NewStory): Statement[] {
  const chosen = new Set(Array.from({ length: dice.between(1, 3) }, () => tags.rank() + 1));
  return [
    insert('stories', {
      id,
      short_id: `s${id}`,
      title: `Story ${id}`,
      url: `http://${id}.example.org/`,
      user_id: user,
      score: 1,
      hotness: -id / 10,
      comments_count: 0,
      is_expired: 0,
      merged_story_id: null,
      created_at: id,
    }),
    ...[...chosen].map((tag) => statement('INSERT INTO taggings (story_id, tag_id) VALUES (?, ?)', id, tag)),
    statement('UPDATE users SET karma = karma + 1 WHERE id = ?', user),
  ];
}

interface NewComment {
  readonly id: number;
  readonly story: number;
  readonly user: number;
}

function comment(dice: Dice, { id, story, user }: NewComment): Statement[] {
  return [
    insert('comments', {
      id,
      story_id: story,
      parent_comment_id: dice.chance(0.2) && id > STORIES * 2 ? id - STORIES : null,
      user_id: user,
      comment: `Comment ${id}`,
      score: 1,
      confidence: 0.2,
      is_deleted: 0,
      created_at: id,
    }),
    statement('INSERT INTO votes (user_id, story_id, comment_id, vote) VALUES (?, ?, ?, 1)', user, story, id),
    statement('UPDATE stories SET comments_count = comments_count + 1, hotness = hotness - 0.1 WHERE id = ?', story),
  ];
}

function voteForStory(user: number, story: number): Write {
  return [
    statement('INSERT INTO votes (user_id, story_id, comment_id, vote) VALUES (?, ?, NULL, 1)', user, story),
    statement('UPDATE users SET karma = karma + 1 WHERE id = (SELECT user_id FROM stories WHERE id = ?)', story),
    statement('UPDATE stories SET score = score + 1, hotness = hotness - 0.5 WHERE id = ?', story),
  ];
}

function voteForComment(user: number, id: number): Write {
  return [
    statement(
      'INSERT INTO votes (user_id, story_id, comment_id, vote) SELECT ?, story_id, id, 1 FROM comments WHERE id = ?',
      user,
      id,
    ),
    statement('UPDATE users SET karma = karma + 1 WHERE id = (SELECT user_id FROM comments WHERE id = ?)', id),
    statement('UPDATE comments SET score = score + 1, confidence = 1 - 1.0 / (score + 2) WHERE id = ?', id),
  ];
}

const STORY = `stories.id, stories.short_id, stories.title, stories.url, stories.user_id, stories.score, stories.hotness,
  stories.comments_count, stories.created_at`;
const COMMENT = 'id, story_id, parent_comment_id, user_id, comment, score, confidence, created_at';
const LIVE = 'stories.merged_story_id IS NULL AND stories.is_expired = 0';

/** A list of stories, and what is shown with them. */
function withRelated(ask: Ask, stories: readonly Row[]): void {
  if (stories.length === 0) return;
  users(ask, stories, 4);
  const ids = valuesOf(stories, 0);
  const rows = ask(
    'taggings of stories',
    `SELECT id, story_id, tag_id FROM taggings WHERE story_id IN (${places(ids)}) ORDER BY id`,
    ...ids,
  );
  const tags = valuesOf(rows, 2);
  ask('tags', `SELECT id, tag FROM tags WHERE id IN (${places(tags)}) ORDER BY id`, ...tags);
}

function users(ask: Ask, rows: readonly Row[], column: number): void {
  const ids = valuesOf(rows, column);
  if (ids.length > 0) ask('users', `SELECT id, username FROM users WHERE id IN (${places(ids)}) ORDER BY id`, ...ids);
}

function frontPage(offset: number): Page {
  return {
    url: `/page/${offset / PAGE + 1}`,
    answer(ask) {
      const text = `SELECT ${STORY} FROM stories WHERE ${LIVE} AND stories.score >= 0
        ORDER BY stories.hotness, stories.id LIMIT ${PAGE + 1} OFFSET ?`;
      withRelated(ask, ask('hottest', text, offset));
    },
  };
}

function recent(): Page {
  return {
    url: '/recent',
    answer(ask) {
      const text = `SELECT ${STORY} FROM stories WHERE ${LIVE} ORDER BY stories.id DESC LIMIT ${PAGE + 1}`;
      withRelated(ask, ask('newest', text));
    },
  };
}

function tagPage(tag: string): Page {
  return {
    url: `/t/${tag}`,
    answer(ask) {
      const [found] = ask('tag', 'SELECT id, tag FROM tags WHERE tag = ?', tag);
      if (found === undefined) return;
      const rows = ask(
        'stories of tag',
        `SELECT ${STORY} FROM stories JOIN taggings ON taggings.story_id = stories.id
         WHERE taggings.tag_id = ? AND ${LIVE} ORDER BY stories.hotness, stories.id LIMIT ${PAGE + 1}`,
        found[0] as number,
      );
      users(ask, rows, 4);
    },
  };
}

function story(shortId: string): Page {
  return {
    url: `/s/${shortId}`,
    answer(ask) {
      const rows = ask('story', `SELECT ${STORY} FROM stories WHERE stories.short_id = ?`, shortId);
      if (rows.length === 0) return;
      const comments = ask(
        'comments of story',
        `SELECT ${COMMENT} FROM comments WHERE story_id = ? ORDER BY confidence DESC, id`,
        rows[0]?.[0] as number,
      );
      users(ask, [...comments.map((row) => [row[3] ?? null]), [rows[0]?.[4] ?? null]], 0);
    },
  };
}

function newestComments(): Page {
  return {
    url: '/comments',
    answer(ask) {
      const rows = ask(
        'newest comments',
        `SELECT ${COMMENT} FROM comments WHERE is_deleted = 0 ORDER BY id DESC LIMIT 20`,
      );
      users(ask, rows, 3);
      const ids = valuesOf(rows, 1);
      ask('titles', `SELECT id, short_id, title FROM stories WHERE id IN (${places(ids)}) ORDER BY id`, ...ids);
    },
  };
}

function user(username: string): Page {
  return {
    url: `/u/${username}`,
    answer(ask) {
      const text = 'SELECT id, username, about, karma, created_at FROM users WHERE username = ?';
      const [found] = ask('user', text, username);
      if (found === undefined) return;
      const id = found[0] as number;
      ask(
        'tags of user',
        `SELECT tags.id, tags.tag, COUNT(*) AS uses FROM tags JOIN taggings ON taggings.tag_id = tags.id
         JOIN stories ON stories.id = taggings.story_id WHERE stories.user_id = ?
         GROUP BY tags.id, tags.tag ORDER BY uses DESC, tags.id LIMIT 1`,
        id,
      );
      ask('stories counted', 'SELECT COUNT(*) FROM stories WHERE user_id = ?', id);
      ask('comments counted', 'SELECT COUNT(*) FROM comments WHERE user_id = ?', id);
    },
  };
}

function requests(dice: Dice): Requests {
  const next = { users: USERS, stories: STORIES, comments: STORIES * COMMENTS_PER_STORY };
  const byAge = new Zipf(dice, STORIES);
  const commentsByAge = new Zipf(dice, STORIES * COMMENTS_PER_STORY);
  const people = new Zipf(dice, USERS);
  const tags = new Zipf(dice, TAGS);
  const pages = new Zipf(dice, 5, 2.5);
  const newestStory = () => byAge.newest(next.stories);
  return {
    reads: {
      story: { weight: 55.842, page: () => story(`s${newestStory()}`) },
      front: { weight: 26.105, page: () => frontPage(PAGE * pages.rank()) },
      tag: { weight: 4, page: () => tagPage(`tag${tags.rank() + 1}`) },
      user: { weight: 6.702, page: () => user(`user${people.spread()}`) },
      comments: { weight: 4.674, page: newestComments },
      recent: { weight: 0.967, page: recent },
    },
    writes: {
      commentVote: {
        weight: 0.63,
        write: () => voteForComment(people.spread(), commentsByAge.newest(next.comments)),
      },
      storyVote: { weight: 0.475, write: () => voteForStory(people.spread(), newestStory()) },
      comment: {
        weight: 0.387,
        write: () => comment(dice, { id: ++next.comments, story: newestStory(), user: people.spread() }),
      },
      login: {
        weight: 0.087,
        write: () => [
          statement('UPDATE users SET session_token = ? WHERE id = ?', `token${dice.below(1e6)}`, people.spread()),
        ],
      },
      submit: { weight: 0.054, write: () => submit(dice, { id: ++next.stories, user: people.spread(), tags }) },
    },
  };
}
