// The one spelling of a target, that is of path and query (RFC 3986 §6.2.2): an origin takes `/%61dmin` for `/admin` and
// `%c3` for `%C3`, so a rule about the one must see the other too, and a write to the one must invalidate the other. What
// an origin may tell apart stays apart: a reserved character and its encoding (§2.2).
//
// The last segment of a URL's beginning may be cut, so it is no dot segment.

/** Parts that may have another spelling: a needless, lower-case or missing encoding; a dot segment. */
const UNUSUAL = /%(?![0-9A-F]{2})|%(?:2[DE]|3[0-9]|4[1-9A-F]|5[0-9AF]|6[1-9A-F]|7[0-9AE])|[^!#-&(-;=?-[\]_a-z~]|\/\./;

/** Path and query in their one spelling; the usual text is returned as it is. */
export function normalTarget(target: string): string {
  if (!UNUSUAL.test(target)) return target;
  const mark = target.indexOf('?');
  if (mark < 0) return withoutDotSegments(normalEscapes(target));
  // WHATWG URL, and so each browser, encodes an apostrophe in a query, and in no path.
  const query = normalEscapes(target.slice(mark)).replaceAll("'", '%27');
  return withoutDotSegments(normalEscapes(target.slice(0, mark))) + query;
}

/** The path of a target alone. */
export function normalPath(target: string): string {
  const mark = target.indexOf('?');
  return normalTarget(mark < 0 ? target : target.slice(0, mark));
}

/**
 * Decodes encoded unreserved characters, puts other encodings in upper case, and encodes characters that no URI may
 * hold. A `%` that encodes nothing is encoded itself, as its readers take it; else decoding after it could make it an
 * encoding.
 */
export function normalEscapes(text: string): string {
  return text
    .replace(/%(?![0-9a-f]{2})/gi, '%25')
    .replace(/%[0-9a-f]{2}/gi, (encoded) => {
      const char = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
      return /[A-Za-z0-9\-._~]/.test(char) ? char : encoded.toUpperCase();
    })
    .replace(/[^!-~]+|["<>\\^`{|}]/g, (illegal) => encodeURIComponent(illegal.toWellFormed()));
}

/** RFC 3986 §5.2.4, for a path that begins with a slash. */
export function withoutDotSegments(path: string): string {
  if (!path.includes('/.')) return path;
  const segments: string[] = [];
  const given = path.split('/');
  for (const [at, segment] of given.entries()) {
    const last = at === given.length - 1;
    // The first, empty segment is the path's beginning: `..` does not go above it.
    if (segment === '..' && segments.length > 1) segments.pop();
    if (segment !== '.' && segment !== '..') segments.push(segment);
    else if (last) segments.push('');
  }
  return segments.join('/');
}

/** The beginning of a path: its last segment may be cut. */
export function withoutInnerDotSegments(beginning: string): string {
  const last = beginning.lastIndexOf('/') + 1;
  return withoutDotSegments(beginning.slice(0, last)) + beginning.slice(last);
}
