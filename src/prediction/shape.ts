// A URI as the model sees it: a template, which many URIs share, and the parameters in which they differ. And how the URI of one
// request follows from that of another: a parameter is carried over, counted on by one, or always the same.

export interface Shape {
  readonly uri: string;
  /** The URI with a mark in the place of each parameter. */
  readonly template: string;
  readonly parameters: readonly string[];
}

/** No URI holds one. */
const MARK = '\u0000';
const MAX_LENGTH = 1_024;
const MAX_PARAMETERS = 8;

/** Undefined: too long to learn from, or with too many parameters. */
export function shapeOf(uri: string): Shape | undefined {
  const pathAt = uri.indexOf('/', uri.indexOf('//') + 2);
  if (pathAt < 0 || uri.length > MAX_LENGTH) return undefined;
  const parameters: string[] = [];
  const queryAt = uri.indexOf('?', pathAt);
  const path = queryAt < 0 ? uri.slice(pathAt) : uri.slice(pathAt, queryAt);
  let template =
    uri.slice(0, pathAt) +
    path
      .split('/')
      .map((part) => (isParameter(part) ? mark(part) : part))
      .join('/');
  if (queryAt >= 0)
    template += `?${uri
      .slice(queryAt + 1)
      .split('&')
      .map(pairOf)
      .join('&')}`;
  return parameters.length > MAX_PARAMETERS ? undefined : { uri, template, parameters };

  function mark(text: string): string {
    parameters.push(text);
    return MARK;
  }

  function pairOf(pair: string): string {
    const at = pair.indexOf('=') + 1;
    return at === 0 || at === pair.length ? pair : pair.slice(0, at) + mark(pair.slice(at));
  }
}

const LONGEST_WORD = 24;

/** Numbers, identifiers and slugs; a word is a part of the template. One taken wrongly for the other costs rules, not errors. */
function isParameter(part: string): boolean {
  return part.length > LONGEST_WORD || /[0-9%~-]/.test(part);
}

/** How a URI follows from another, as text: a template, then for each of its parameters where it comes from. */
export type Derivation = string;

const PART = '\u0001';
const COUNTED = /^\d{1,15}$/;

/** How `to` follows from `from`. Undefined: they are the same. */
export function derivationOf(from: Shape, to: Shape): Derivation | undefined {
  if (from.uri === to.uri) return undefined;
  let text = to.template;
  for (const [at, parameter] of to.parameters.entries()) {
    const same = from.parameters[at] === parameter ? at : from.parameters.indexOf(parameter);
    if (same >= 0) text += `${PART}c${same}`;
    else text += isNext(from.parameters[at], parameter) ? `${PART}n${at}` : `${PART}=${parameter}`;
  }
  return text;
}

function isNext(from: string | undefined, to: string): boolean {
  return from !== undefined && COUNTED.test(from) && to === String(Number(from) + 1);
}

/** The URI that follows from `from`; undefined when its parameters do not fit. */
export function derived(derivation: Derivation, { parameters }: Shape): string | undefined {
  const [template = '', ...parts] = derivation.split(PART);
  const texts = template.split(MARK);
  let uri = texts[0] as string;
  for (const [at, part] of parts.entries()) {
    const value = part[0] === '=' ? part.slice(1) : carried(part, parameters);
    if (value === undefined) return undefined;
    uri += value + texts[at + 1];
  }
  return uri;
}

function carried(part: string, parameters: readonly string[]): string | undefined {
  const value = parameters[Number(part.slice(1))];
  if (part[0] === 'c' || value === undefined) return value;
  return COUNTED.test(value) ? String(Number(value) + 1) : undefined;
}
