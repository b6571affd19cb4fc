// The used tables of relational queries, in drizzle-orm 0.45 and in the candidate of 1.0.

import { relations, sql as sql45 } from 'drizzle-orm';
import * as sqlite45 from 'drizzle-orm/sqlite-core';
import { drizzle as sqliteProxy45 } from 'drizzle-orm/sqlite-proxy';
import * as core1 from 'drizzle-orm-next';
import * as pg1 from 'drizzle-orm-next/pg-core';
import { drizzle as pgProxy1 } from 'drizzle-orm-next/pg-proxy';
import { describe, expect, it } from 'vitest';
import { usedTables } from '../../../src/orm/drizzle/tables.ts';

const read = (...tables: string[]): unknown => ({
  access: 'read',
  used: { kind: 'known', tables: tables.sort() },
  written: { kind: 'known', tables: [] },
});

describe('relational queries', () => {
  it('follows relations at any depth, in 0.45', () => {
    const users = sqlite45.sqliteTable('users', { id: sqlite45.integer('id').primaryKey() });
    const posts = sqlite45.sqliteTable('posts', { id: sqlite45.integer('id'), userId: sqlite45.integer('user_id') });
    const notes = sqlite45.sqliteTable('notes', { id: sqlite45.integer('id'), postId: sqlite45.integer('post_id') });
    const schema = {
      users,
      posts,
      notes,
      ofUsers: relations(users, ({ many }) => ({ posts: many(posts) })),
      ofPosts: relations(posts, ({ one, many }) => ({
        author: one(users, { fields: [posts.userId], references: [users.id] }),
        notes: many(notes),
      })),
      ofNotes: relations(notes, ({ one }) => ({
        post: one(posts, { fields: [notes.postId], references: [posts.id] }),
      })),
    };
    const db = sqliteProxy45(async () => ({ rows: [] }), { schema });
    expect(usedTables(db.query.users.findMany())).toEqual(read('users'));
    expect(usedTables(db.query.users.findFirst({ with: { posts: { with: { notes: true } } } }))).toEqual(
      read('users', 'posts', 'notes'),
    );
    const extra = { n: sql45<number>`(select count(*) from ${notes})`.as('n') };
    expect(usedTables(db.query.posts.findMany({ columns: { id: true }, extras: extra }))).toEqual(
      read('posts', 'notes'),
    );
  });

  it('follows relations at any depth, also in conditions and through junctions, in 1.0', () => {
    const users = pg1.pgTable('users', { id: pg1.integer('id').primaryKey() });
    const groups = pg1.pgTable('groups', { id: pg1.integer('id').primaryKey() });
    const members = pg1.pgTable('members', { userId: pg1.integer('user_id'), groupId: pg1.integer('group_id') });
    const notes = pg1.pgTable('notes', { id: pg1.integer('id'), userId: pg1.integer('user_id') });
    const related = core1.defineRelations({ users, groups, members, notes }, (r) => ({
      users: {
        notes: r.many.notes({ from: r.users.id, to: r.notes.userId }),
        groups: r.many.groups({
          from: r.users.id.through(r.members.userId),
          to: r.groups.id.through(r.members.groupId),
        }),
      },
    }));
    const db = pgProxy1(async () => ({ rows: [] }), { relations: related } as never) as unknown as {
      query: { users: { findMany(config?: unknown): unknown } };
    };
    expect(usedTables(db.query.users.findMany())).toEqual(read('users'));
    expect(usedTables(db.query.users.findMany({ with: { groups: true } }))).toEqual(read('users', 'groups', 'members'));
    expect(usedTables(db.query.users.findMany({ where: { notes: { id: 1 } } }))).toEqual(read('users', 'notes'));
  });
});
