// For `node --import`: `tidegate` and its entry points are the sources they are made from, so that examples run as their
// readers have them, without a build. What other libraries' examples import is found in bench/peers.

import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const root = new URL('../../', import.meta.url);
const { exports } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
};

registerHooks({
  resolve(specifier, context, next) {
    const isBefore = context.parentURL?.endsWith('-before.mjs') === true && /^[^.:]+$/.test(specifier);
    if (isBefore) return next(specifier, { ...context, parentURL: new URL('bench/peers/x.mjs', root).href });
    const target = specifier.startsWith('tidegate') ? exports[`.${specifier.slice('tidegate'.length)}`] : undefined;
    if (typeof target !== 'object') return next(specifier, context);
    const source = target.default.replace(/^\.\/dist\//, 'src/').replace(/\.js$/, '.ts');
    return { url: new URL(source, root).href, shortCircuit: true };
  },
});
