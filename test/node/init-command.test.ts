// `tidegate init workers`: what it writes, and that it writes over nobody's work.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { INIT } from '../../src/node/operator/cli/init-command.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidegate-init-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function init(argument: string, options: object = {}): Promise<string> {
  const printed: string[] = [];
  const io = { print: (text: string) => printed.push(text), printError: () => {}, exit: () => expect.unreachable() };
  await INIT.commands?.[0]?.run?.({ io, argument, options } as never);
  return printed.join('\n');
}

const filesIn = (path: string) =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort();

describe('init workers', () => {
  test('writes a project under the name of its folder, with this version of tidegate', async () => {
    const path = join(folder, 'My Shop_2');
    expect(await init(path)).toBe(`13 files in ${path}. Next: cd ${path} && npm install && npm run dev`);
    expect(filesIn(path)).toEqual([
      ...['.dev.vars', '.dev.vars.example', '.gitignore', 'README.md', 'migrations/0001_demo.sql', 'package.json'],
      ...['src/api.ts', 'src/data.ts', 'src/index.ts', 'src/input.ts'],
      ...['tidegate.config.ts', 'tsconfig.json', 'wrangler.jsonc'],
    ]);
    const manifest = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(manifest).toMatchObject({ name: 'my-shop-2', private: true, dependencies: { tidegate: `^${version}` } });
    const wrangler = readFileSync(join(path, 'wrangler.jsonc'), 'utf8');
    expect(wrangler).toContain('"name": "my-shop-2"');
    for (const environment of ['dev', 'preview', 'production'])
      expect(wrangler).toContain(`"my-shop-2-${environment}"`);
    for (const file of filesIn(path)) expect(readFileSync(join(path, file), 'utf8')).not.toMatch(/\bNAME\b|"VERSION"/);
  });

  test('takes a name and what npm installs', async () => {
    const path = join(folder, 'x');
    await init(path, { name: 'shop', tidegate: 'file:../"tidegate".tgz' });
    const manifest = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
    expect(manifest).toMatchObject({ name: 'shop', dependencies: { tidegate: 'file:../"tidegate".tgz' } });
  });

  test('makes a token for this machine, which git leaves alone, and replaces no secrets', async () => {
    const tokens = await Promise.all(
      ['a', 'b'].map(async (name) => {
        await init(join(folder, name));
        return readFileSync(join(folder, name, '.dev.vars'), 'utf8');
      }),
    );
    for (const token of tokens) expect(token).toMatch(/^TIDEGATE_ADMIN_TOKEN=[\w-]{32}\n$/);
    expect(tokens[0]).not.toBe(tokens[1]);
    expect(readFileSync(join(folder, 'a', '.gitignore'), 'utf8')).toContain('.dev.vars*\n!.dev.vars.example\n');
    await init(join(folder, 'a'), { force: true });
    expect(readFileSync(join(folder, 'a', '.dev.vars'), 'utf8')).toBe(tokens[0]);
  });

  test('replaces no file without --force, and then writes nothing', async () => {
    const path = join(folder, 'shop');
    mkdirSync(join(path, 'src'), { recursive: true });
    for (const file of ['README.md', 'src/index.ts', 'other.txt']) writeFileSync(join(path, file), 'mine');
    await expect(init(path)).rejects.toThrow(
      `expected a folder without README.md, src/index.ts, got ${path}; --force replaces them`,
    );
    expect(filesIn(path)).toEqual(['README.md', 'other.txt', 'src/index.ts']);
    await init(path, { force: true });
    expect(filesIn(path)).toHaveLength(14);
    expect(readFileSync(join(path, 'README.md'), 'utf8')).toContain('# shop');
    expect(readFileSync(join(path, 'other.txt'), 'utf8')).toBe('mine');
  });

  test.each(['Shop', 'a_b', '-a', 'a-', '', 'a'.repeat(53), '日本'])('refuses the name %j', async (name) => {
    await expect(init(join(folder, 'x'), { name })).rejects.toThrow(/expected a name of 1 to 52 .* by --name, got/);
    expect(filesIn(folder)).toEqual([]);
  });
});
