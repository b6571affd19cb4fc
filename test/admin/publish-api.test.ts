import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createAdminApi } from '../../src/admin/api.ts';
import type { PopulateStart, PublishHook } from '../../src/admin/contract.ts';
import { expanded } from '../../src/admin/publish-api.ts';
import { TidegateError } from '../../src/errors.ts';
import { fakeGate, JOB } from './fake-gate.ts';

const BLOG: PublishHook = {
  urls: ['http://example.org/posts/{entry.slug}', 'http://example.org/'],
  tags: ['post-{entry.id}', 'author-{entry.authors[].id}'],
};

interface Called {
  readonly path?: string;
  readonly method?: string;
  readonly hook?: PublishHook;
  /** Thrown where filling is begun. */
  readonly full?: TidegateError;
}

async function call(content: unknown, { path = '/publish/blog', method = 'POST', hook = BLOG, full }: Called = {}) {
  const begun: PopulateStart[] = [];
  const steps: string[] = [];
  const { deps } = fakeGate();
  const api = createAdminApi({
    ...deps,
    gate: {
      ...deps.gate,
      invalidate: async (selector) => {
        steps.push(
          `invalidate ${selector.kind === 'tag' ? selector.tag : selector.kind === 'url' ? selector.uri : ''}`,
        );
        return { position: steps.length, matched: 1 };
      },
    },
    populate: {
      ...deps.populate,
      hooks: () => ({ blog: hook }),
      begin: (start) => {
        if (full !== undefined) throw full;
        begun.push(start);
        steps.push('fill');
        return JOB;
      },
    },
  });
  const bodyText = typeof content === 'string' ? content : JSON.stringify(content);
  const { status, body } = await api({ path, method, query: '', fields: [], bodyText });
  return { status, json: JSON.parse(body), steps, begun };
}

describe('a webhook', () => {
  test('invalidates what its content names, and then fills it', async () => {
    const entry = { id: 7, slug: 'hello world', authors: [{ id: 'a' }, { id: 'b' }] };
    const { status, json, steps, begun } = await call({ entry });
    expect(status).toBe(202);
    expect(steps).toEqual([
      ...['invalidate post-7', 'invalidate author-a', 'invalidate author-b'],
      ...['invalidate http://example.org/posts/hello%20world', 'invalidate http://example.org/', 'fill'],
    ]);
    const items = [{ uri: 'http://example.org/posts/hello%20world' }, { uri: 'http://example.org/' }];
    expect(begun).toEqual([{ cause: 'publish', name: 'blog', items, refused: [] }]);
    expect(json).toMatchObject({ invalidated: { tags: { matched: 3 }, urls: { matched: 2 } }, job: { id: JOB.id } });
  });

  test('answers for what it has invalidated where nothing can be filled', async () => {
    const full = new TidegateError('E_POPULATE', 'expected at most 100000 URLs that wait, got more');
    const { status, json, steps } = await call({ entry: { id: 7 } }, { full });
    expect(steps).toEqual(['invalidate post-7', 'invalidate http://example.org/']);
    expect([status, json.notFilled]).toEqual([202, { code: 'E_POPULATE', message: full.message }]);
    expect(json).not.toHaveProperty('job');
  });

  test('refuses more URLs than one call may name before it invalidates anything', async () => {
    const authors = Array.from({ length: 600 }, (_, id) => ({ id }));
    const urls = ['http://example.org/authors/{entry.authors[].id}', 'http://example.org/by/{entry.authors[].id}'];
    const { status, steps } = await call({ entry: { id: 7, authors } }, { hook: { urls, tags: ['post-{entry.id}'] } });
    expect([status, steps]).toEqual([400, []]);
  });

  test.each(['..', '.'])('refuses a value %s, which would name another URL', async (slug) => {
    const { status, steps, json } = await call({ entry: { id: 7, slug } });
    expect([status, steps]).toEqual([400, []]);
    expect(json.error.message).toContain(`http://example.org/posts/${slug}`);
  });

  test.each(['a..b', '...', 'x?next=/../y'])('takes a value %s', async (slug) => {
    expect((await call({ entry: { slug } })).status).toBe(202);
  });

  test('leaves out what its content does not name', async () => {
    const { steps } = await call({ entry: { id: 7 } });
    expect(steps).toEqual(['invalidate post-7', 'invalidate http://example.org/', 'fill']);
  });

  test.each([
    [{}, {}, 404, 'expected the name of a webhook (blog), got "x"', '/publish/x'],
    [{}, {}, 404, 'got "constructor"', '/publish/constructor'],
    [{}, {}, 405, 'expected POST for /publish/blog, got GET', undefined],
    ['{', {}, 400, 'expected what was published as JSON', undefined],
    [
      { entry: 1 },
      { hook: { urls: [], tags: ['post-{entry.id}'] } },
      400,
      'expected content with the members of post-{',
      undefined,
    ],
  ])('%j is refused', async (content, more, status, message, path) => {
    const method = status === 405 ? 'GET' : 'POST';
    const answer = await call(content, { ...more, method, ...(path !== undefined && { path }) });
    expect([answer.status, answer.json.error.message, answer.steps]).toEqual([
      status,
      expect.stringContaining(message),
      [],
    ]);
  });
});

describe('a template', () => {
  test.each([
    ['/{a}', { a: 'x/y?z#' }, ['/x%2Fy%3Fz%23']],
    ['/{+a}', { a: 'x/y' }, ['/x/y']],
    ['/{a.b.c}', { a: { b: { c: 0 } } }, ['/0']],
    ['/{a[].b}/{c}', { a: [{ b: 1 }, { b: 2 }, {}], c: 3 }, ['/1/3', '/2/3']],
    ['/{a[]}', { a: ['x', 'y'] }, ['/x', '/y']],
    ['/{[].a}', [{ a: 1 }, { a: 2 }], ['/1', '/2']],
    ['/{a}', { a: { b: 1 } }, []],
    ['/{a}', { a: '' }, []],
    ['/{a.length}', { a: 'abc' }, []],
    ['/{constructor.name}', {}, []],
    ['/x', {}, ['/x']],
  ])('%s of %j: %j', (template, content, expected) => {
    expect(expanded(template, content, encodeURIComponent)).toEqual(expected);
  });

  test('with too many combinations is refused', () => {
    const a = Array.from({ length: 100 }, (_, at) => at);
    expect(() => expanded('/{a[]}/{a[]}', { a }, String)).toThrow(/expected at most 1000 values/);
  });

  test('never lets the content choose the host', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), fc.boolean(), (one, text, isRaw) => {
        const template = `http://example.org/${isRaw ? '{+a}' : '{a}'}`;
        for (const content of [one, { a: one }, { a: text }]) {
          for (const url of expanded(template, content, (value) => encodeURIComponent(value.toWellFormed()))) {
            if (URL.canParse(url)) expect(new URL(url).host).toBe('example.org');
          }
        }
      }),
    );
  });
});
