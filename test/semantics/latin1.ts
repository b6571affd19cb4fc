// Any text that can arrive as a field value.

import fc from 'fast-check';

export const latin1 = fc.string({ unit: fc.nat({ max: 255 }).map((code) => String.fromCharCode(code)) });
