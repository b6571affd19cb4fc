// The suites run: those of the package, and the ones its source has grown since, as far as they can be derived.

import tests from 'http-cache-tests/tests/index.mjs';
import surrogate from 'http-cache-tests/tests/surrogate-control.mjs';

/** The suite's source now asks of CDN-Cache-Control (RFC 9213) what the package still asks of Surrogate-Control. */
function targeted(suite) {
  const text = JSON.stringify(suite)
    .replaceAll('Surrogate-Control', 'CDN-Cache-Control')
    .replaceAll('surrogate', 'cdn')
    .replaceAll(';CAPABILITY_TARGET', '');
  const derived = JSON.parse(text);
  const tests = derived.tests.filter((test) => !NOT_DERIVED.test(test.id));
  return { ...derived, name: 'CDN-Cache-Control', id: 'cdn-cache-control', tests };
}

/** Device targets and capabilities are Surrogate-Control's own; a key in upper case is no key of RFC 9651 §3.1.2. */
const NOT_DERIVED = /target|capabilities|remove-header|case-insensitive/;

export const suites = [...tests, surrogate, targeted(surrogate)];
