// A content site: pages by address, navigation, what is new in a section or under a tag, search by prefix, authors. Nobody
// published a mix for it; the shares are ours, 4 % of the requests write, most of that drafts which no visitor sees.

import type { Dice } from '../../test/sim/dice.ts';
import {
  type Ask,
  insert,
  type Page,
  type Requests,
  type Statement,
  statement,
  type Workload,
  type Write,
  Zipf,
} from './workload.ts';

const PAGES = 3_000;
const SECTIONS = 12;
const TAGS = 80;
const AUTHORS = 60;
const MEDIA = 4_000;

export const cms: Workload = {
  name: 'cms',
  schema: [
    `CREATE TABLE sections (id INTEGER PRIMARY KEY, slug TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
       position INTEGER NOT NULL, is_visible INTEGER NOT NULL)`,
    'CREATE TABLE authors (id INTEGER PRIMARY KEY, slug TEXT NOT NULL UNIQUE, name TEXT NOT NULL, bio TEXT NOT NULL)',
    'CREATE TABLE tags (id INTEGER PRIMARY KEY, slug TEXT NOT NULL UNIQUE, name TEXT NOT NULL)',
    `CREATE TABLE pages (id INTEGER PRIMARY KEY, slug TEXT NOT NULL UNIQUE, title TEXT NOT NULL, summary TEXT NOT NULL,
       body TEXT NOT NULL, status TEXT NOT NULL, section_id INTEGER NOT NULL REFERENCES sections,
       author_id INTEGER NOT NULL REFERENCES authors, published_at INTEGER, updated_at INTEGER NOT NULL)`,
    `CREATE TABLE page_tags (page_id INTEGER NOT NULL REFERENCES pages, tag_id INTEGER NOT NULL REFERENCES tags,
       PRIMARY KEY (page_id, tag_id))`,
    `CREATE TABLE media (id INTEGER PRIMARY KEY, page_id INTEGER NOT NULL REFERENCES pages, url TEXT NOT NULL,
       alt TEXT NOT NULL, position INTEGER NOT NULL)`,
    'CREATE INDEX pages_section ON pages (section_id, published_at)',
    'CREATE INDEX pages_published ON pages (status, published_at)',
    'CREATE INDEX pages_title ON pages (title COLLATE NOCASE)',
    'CREATE INDEX pages_author ON pages (author_id, published_at)',
    'CREATE INDEX page_tags_tag ON page_tags (tag_id)',
    'CREATE INDEX media_page ON media (page_id)',
  ],
  rows(dice) {
    const made: Statement[] = [];
    for (let id = 1; id <= SECTIONS; id++) {
      made.push(insert('sections', { id, slug: `section-${id}`, name: `Section ${id}`, position: id, is_visible: 1 }));
    }
    for (let id = 1; id <= AUTHORS; id++) {
      made.push(insert('authors', { id, slug: `author-${id}`, name: `Author ${id}`, bio: `Bio ${id}` }));
    }
    for (let id = 1; id <= TAGS; id++) made.push(insert('tags', { id, slug: `tag-${id}`, name: `Tag ${id}` }));
    for (let id = 1; id <= PAGES; id++) made.push(...newPage(dice, { id, isPublished: dice.chance(0.95) }));
    for (let id = 1; id <= MEDIA; id++) made.push(newMedia(id, dice.between(1, PAGES)));
    return made;
  },
  requests,
};

interface NewPage {
  readonly id: number;
  readonly isPublished: boolean;
}

function newPage(dice: Dice, { id, isPublished }: NewPage): Statement[] {
  const tags = new Set(Array.from({ length: dice.between(1, 4) }, () => dice.between(1, TAGS)));
  return [
    insert('pages', {
      id,
      slug: `page-${id}`,
      title: `${TOPICS[dice.below(TOPICS.length)]} ${id}`,
      summary: `Summary ${id}`,
      body: `Body ${id}`,
      status: isPublished ? 'published' : 'draft',
      section_id: dice.between(1, SECTIONS),
      author_id: dice.between(1, AUTHORS),
      published_at: isPublished ? 1_000_000 + id : null,
      updated_at: 1_000_000 + id,
    }),
    ...[...tags].map((tag) => insert('page_tags', { page_id: id, tag_id: tag })),
  ];
}

function newMedia(id: number, page: number): Statement {
  return insert('media', { id, page_id: page, url: `/media/${id}.webp`, alt: `Picture ${id}`, position: id });
}

const TOPICS = ['News', 'Guide', 'Report', 'Interview', 'Notes', 'Review', 'Story', 'Opinion'] as const;
const TEASER = 'p.id, p.slug, p.title, p.summary, p.published_at';

function navigation(ask: Ask): void {
  ask('navigation', 'SELECT id, slug, name, position FROM sections WHERE is_visible = 1 ORDER BY position, id');
}

function page(slug: string): Page {
  return {
    url: `/${slug}`,
    answer(ask) {
      navigation(ask);
      const text = `SELECT p.id, p.slug, p.title, p.body, p.published_at, p.updated_at, s.id, s.slug, s.name,
          a.id, a.slug, a.name
        FROM pages p JOIN sections s ON s.id = p.section_id JOIN authors a ON a.id = p.author_id
        WHERE p.slug = ? AND p.status = 'published'`;
      const [found] = ask('page', text, slug);
      if (found === undefined) return;
      const id = found[0] as number;
      ask('media of page', 'SELECT id, url, alt, position FROM media WHERE page_id = ? ORDER BY position, id', id);
      ask(
        'tags of page',
        `SELECT t.id, t.slug, t.name FROM tags t JOIN page_tags pt ON pt.tag_id = t.id
         WHERE pt.page_id = ? ORDER BY t.name, t.id`,
        id,
      );
    },
  };
}

function home(): Page {
  return {
    url: '/',
    answer(ask) {
      navigation(ask);
      ask(
        'latest',
        `SELECT ${TEASER} FROM pages p WHERE p.status = 'published' ORDER BY p.published_at DESC, p.id DESC LIMIT 10`,
      );
    },
  };
}

function section(slug: string, before: number | undefined): Page {
  return {
    url: `/sections/${slug}${before === undefined ? '' : `?before=${before}`}`,
    answer(ask) {
      navigation(ask);
      const [found] = ask('section', 'SELECT id, slug, name FROM sections WHERE slug = ?', slug);
      if (found === undefined) return;
      const id = found[0] as number;
      if (before === undefined) {
        ask(
          'latest of section',
          `SELECT ${TEASER} FROM pages p WHERE p.section_id = ? AND p.status = 'published'
           ORDER BY p.published_at DESC, p.id DESC LIMIT 12`,
          id,
        );
        return;
      }
      ask(
        'section before',
        `SELECT ${TEASER} FROM pages p WHERE p.section_id = ? AND p.status = 'published' AND p.published_at < ?
         ORDER BY p.published_at DESC, p.id DESC LIMIT 12`,
        id,
        before,
      );
    },
  };
}

function tag(slug: string): Page {
  return {
    url: `/tags/${slug}`,
    answer(ask) {
      navigation(ask);
      ask(
        'latest of tag',
        `SELECT ${TEASER} FROM pages p JOIN page_tags pt ON pt.page_id = p.id JOIN tags t ON t.id = pt.tag_id
         WHERE t.slug = ? AND p.status = 'published' ORDER BY p.published_at DESC, p.id DESC LIMIT 12`,
        slug,
      );
    },
  };
}

function author(slug: string): Page {
  return {
    url: `/authors/${slug}`,
    answer(ask) {
      navigation(ask);
      const [found] = ask('author', 'SELECT id, slug, name, bio FROM authors WHERE slug = ?', slug);
      if (found === undefined) return;
      const id = found[0] as number;
      ask(
        'latest of author',
        `SELECT ${TEASER} FROM pages p WHERE p.author_id = ? AND p.status = 'published'
         ORDER BY p.published_at DESC, p.id DESC LIMIT 12`,
        id,
      );
      ask('pages of author', `SELECT COUNT(*) FROM pages WHERE author_id = ? AND status = 'published'`, id);
    },
  };
}

function search(prefix: string): Page {
  return {
    url: `/search?q=${prefix}`,
    answer(ask) {
      ask(
        'search',
        `SELECT p.id, p.slug, p.title FROM pages p WHERE p.title LIKE ? AND p.status = 'published'
         ORDER BY p.title, p.id LIMIT 20`,
        `${prefix}%`,
      );
    },
  };
}

function requests(dice: Dice): Requests {
  const next = { pages: PAGES, media: MEDIA, clock: 2_000_000 };
  const byAge = new Zipf(dice, PAGES);
  const anyPage = () => byAge.newest(next.pages);
  return { reads: readsOf(dice, anyPage), writes: writesOf(dice, { next, anyPage }) };
}

function readsOf(dice: Dice, anyPage: () => number): Requests['reads'] {
  const sections = new Zipf(dice, SECTIONS, 0.7);
  const tags = new Zipf(dice, TAGS);
  const authors = new Zipf(dice, AUTHORS, 0.7);
  const archive = new Zipf(dice, 20);
  const prefix = () => `${TOPICS[dice.below(TOPICS.length)]} ${dice.chance(0.5) ? '' : dice.between(1, 40)}`.trimEnd();
  return {
    page: { weight: 48, page: () => page(`page-${anyPage()}`) },
    home: { weight: 14, page: home },
    section: { weight: 12, page: () => section(`section-${sections.rank() + 1}`, undefined) },
    archive: {
      weight: 4,
      page: () => section(`section-${sections.rank() + 1}`, 1_000_000 + PAGES - 100 * (archive.rank() + 1)),
    },
    tag: { weight: 8, page: () => tag(`tag-${tags.rank() + 1}`) },
    author: { weight: 5, page: () => author(`author-${authors.rank() + 1}`) },
    search: { weight: 5, page: () => search(prefix()) },
  };
}

interface Present {
  readonly next: { pages: number; media: number; clock: number };
  anyPage(): number;
}

function writesOf(dice: Dice, { next, anyPage }: Present): Requests['writes'] {
  const publish = (): Write => [
    statement(
      `UPDATE pages SET status = 'published', published_at = ?1, updated_at = ?1
       WHERE id = (SELECT MAX(id) FROM pages WHERE status = 'draft')`,
      ++next.clock,
    ),
  ];
  const edit = (): Write => {
    const id = anyPage();
    const sets = dice.chance(0.2) ? 'body = ?, summary = ?' : 'body = ?, updated_at = ?';
    return [statement(`UPDATE pages SET ${sets} WHERE id = ?`, `Edited ${++next.clock}`, next.clock, id)];
  };
  const saveDraft = (): Write => [
    statement(
      `UPDATE pages SET body = ?, updated_at = ? WHERE id = (SELECT MIN(id) FROM pages WHERE status = 'draft' AND id > ?)`,
      `Draft ${++next.clock}`,
      next.clock,
      dice.below(next.pages),
    ),
  ];
  const reorder = (): Write => {
    const [one, two] = [dice.between(1, SECTIONS), dice.between(1, SECTIONS)];
    return [
      statement('UPDATE sections SET position = ? WHERE id = ?', one, two),
      statement('UPDATE sections SET position = ? WHERE id = ?', two, one),
    ];
  };
  const retag = (): Write => [
    statement('INSERT OR IGNORE INTO page_tags (page_id, tag_id) VALUES (?, ?)', anyPage(), dice.between(1, TAGS)),
  ];
  return {
    draft: { weight: 0.5, write: () => newPage(dice, { id: ++next.pages, isPublished: false }) },
    saveDraft: { weight: 1.6, write: saveDraft },
    publish: { weight: 0.5, write: publish },
    edit: { weight: 0.9, write: edit },
    retag: { weight: 0.2, write: retag },
    media: { weight: 0.25, write: () => [newMedia(++next.media, anyPage())] },
    reorder: { weight: 0.01, write: reorder },
    author: {
      weight: 0.04,
      write: () => [
        statement('UPDATE authors SET bio = ? WHERE id = ?', `Bio ${++next.clock}`, dice.between(1, AUTHORS)),
      ],
    },
  };
}
