// Calls of the admin API that this page was served by.

/** What the gate says of a call that it refuses. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Rejects with `Refused`, or with the browser's own error where the gate cannot be reached. */
export async function call<Answer>(path: string, { method = 'GET', body }: { method?: string; body?: unknown } = {}) {
  const response = await fetch(path, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  const answer = (await response.json()) as Answer & { readonly error?: { readonly message?: string } };
  if (response.ok) return answer;
  throw new Refused(response.status, answer.error?.message ?? `the gate answered ${response.status}`);
}

/** Reads lines of JSON as they come, until the signal ends it or the gate does. */
export async function follow<Line>(path: string, signal: AbortSignal, each: (lines: readonly Line[]) => void) {
  const response = await fetch(path, { signal });
  if (!response.ok || response.body === null)
    throw new Refused(response.status, `the gate answered ${response.status}`);
  let rest = '';
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    each(lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Line));
  }
}

export function told(error: unknown): string {
  if (error instanceof Refused) return error.message;
  return `The gate cannot be reached: ${error instanceof Error ? error.message : String(error)}`;
}
