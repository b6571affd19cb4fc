// Makes the dashboard's three files: `node dashboard/build.ts` writes them to dist/dashboard; a gate in a checkout makes them in memory.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Their texts by name. */
export async function buildDashboard(): Promise<Readonly<Record<string, string>>> {
  const bundle = await rolldown({ input: here('app.tsx'), platform: 'browser', tsconfig: here('tsconfig.json') });
  const { output } = await bundle.generate({ format: 'esm', minify: true });
  await bundle.close();
  const styles = [here('../node_modules/uplot/dist/uPlot.min.css'), here('app.css')];
  const [page = '', ...css] = await Promise.all([here('index.html'), ...styles].map((file) => readFile(file, 'utf8')));
  return { 'index.html': page, 'app.js': output[0].code, 'app.css': css.join('\n') };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = here('../dist/dashboard');
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(await buildDashboard())) await writeFile(join(folder, name), text);
}
