// A Worker of a test's own: bundled as a deployed one is, and run in workerd.

import { fileURLToPath } from 'node:url';
import { Miniflare, type MiniflareOptions } from 'miniflare';
import { rolldown } from 'rolldown';

/** `app`: a file in this folder. */
export async function startedWorker(
  app: string,
  options: Partial<MiniflareOptions> = { d1Databases: ['DB'] },
): Promise<Miniflare> {
  const input = fileURLToPath(new URL(app, import.meta.url));
  const bundle = await rolldown({
    input,
    platform: 'browser',
    external: [/^(?:node|cloudflare):/],
    logLevel: 'silent',
  });
  const { output } = await bundle.generate({ format: 'esm' });
  const modules = output.flatMap((chunk) =>
    chunk.type === 'chunk' ? [{ type: 'ESModule' as const, path: chunk.fileName, contents: chunk.code }] : [],
  );
  const worker = new Miniflare({ modules, compatibilityDate: '2025-12-01', ...options } as MiniflareOptions);
  await worker.ready;
  return worker;
}

/** The JSON that the Worker answers with. */
export async function asked<T>(worker: Miniflare, path: string): Promise<T> {
  const response = await worker.dispatchFetch(`http://app.example${path}`);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status} ${text}`);
  return JSON.parse(text) as T;
}
