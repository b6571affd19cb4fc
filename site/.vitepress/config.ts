import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';

const page = (text: string, file: string) => ({ text, link: `/${file}` });

export default defineConfig({
  title: 'Tidegate',
  description: 'An edge cache in TypeScript that never serves outdated data',
  srcDir: '.pages',
  outDir: 'dist',
  cacheDir: '.cache',
  cleanUrls: true,
  lastUpdated: false,
  // Beyond the pages: the examples, which are files of the repository.
  ignoreDeadLinks: [/examples\//, /LICENSE/],
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  markdown: {
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    // What looks like a tag in these texts is a placeholder; the landing page alone has components.
    config: (md) => {
      const render = md.render.bind(md);
      md.render = (text, env) => {
        md.set({ html: env?.relativePath === 'index.md' });
        return render(text, env);
      };
    },
  },
  // The system's own fonts: nothing is asked of other hosts.
  vite: {
    // Its esbuild is older than the target of the repository.
    esbuild: { tsconfigRaw: { compilerOptions: { target: 'es2022' } } },
    resolve: { alias: { tidegate: fileURLToPath(new URL('../../src/index.ts', import.meta.url)) } },
    server: { fs: { allow: ['../..'] } },
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      page('Begin', 'README'),
      page('Gate', 'docs/configuration'),
      page('Data cache', 'docs/data-cache'),
      page('Workers', 'docs/workers'),
      page('Changes', 'CHANGELOG'),
    ],
    sidebar: [
      {
        text: 'Begin',
        items: [
          page('What it is', 'README'),
          page('REST on SQLite', 'docs/guide-rest-sqlite'),
          page('REST on PostgreSQL', 'docs/guide-rest-postgres'),
          page('REST with Drizzle', 'docs/guide-rest-drizzle'),
          page('From another cache', 'docs/migrating'),
        ],
      },
      {
        text: 'The gate',
        items: [
          page('Configuration', 'docs/configuration'),
          page('Commands', 'docs/commands'),
          page('Dashboard', 'docs/dashboard'),
          page('Admin API', 'docs/admin-api'),
          page('Tenants', 'docs/tenants'),
          page('Operations', 'docs/operations'),
          page('Security', 'docs/security'),
          page('Errors', 'docs/errors'),
        ],
      },
      {
        text: 'Exact invalidation',
        items: [
          page('How it works', 'docs/exact-invalidation'),
          page('Change feeds', 'docs/feed'),
          page('Drizzle', 'docs/drizzle'),
        ],
      },
      {
        text: 'Data cache',
        items: [
          page('Overview', 'docs/data-cache'),
          page('Keys and values', 'docs/data-cache/keys-and-values'),
          page('Fills', 'docs/data-cache/fills'),
          page('Invalidation', 'docs/data-cache/invalidation'),
          page('Several machines', 'docs/several-machines'),
          page('Tiers', 'docs/data-cache/tiers'),
          page('Repositories and events', 'docs/data-cache/repositories-and-events'),
          page('Views', 'docs/data-cache/views'),
          page('Operating', 'docs/data-cache/operating'),
          page('HTTP handlers', 'docs/http-handlers'),
        ],
      },
      {
        text: 'Cloudflare Workers',
        items: [
          page('The gate on Workers', 'docs/workers'),
          page('Configuration', 'docs/workers-configuration'),
          page('D1', 'docs/workers-d1'),
        ],
      },
      {
        text: 'Inside',
        items: [
          page('Architecture', 'docs/architecture'),
          page('Decisions', 'docs/decisions'),
          page('Contributing', 'CONTRIBUTING'),
        ],
      },
    ],
  },
});
