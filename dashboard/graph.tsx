// What an entry hangs on, as a picture: rows, conditions and tables at the left, the URL at the right.

export interface Hanging {
  readonly granularity: string;
  readonly what: string;
  readonly table: string;
}

const ROW = 44;
const WIDTH = 640;
const LEFT = 330;
const MOST = 12;

const KINDS: Readonly<Record<string, string>> = { record: 'row', predicate: 'condition', table: 'table' };

export function Graph({ url, rows }: { readonly url: string; readonly rows: readonly Hanging[] }) {
  const shown = rows.slice(0, MOST);
  const height = Math.max(1, shown.length) * ROW;
  const middle = height / 2;
  const path = new URL(url).pathname + new URL(url).search;
  const label = shown
    .map(({ granularity, table, what }) => `${KINDS[granularity] ?? granularity} ${table} ${what}`)
    .join('; ');
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard
    <section class="scroll" aria-label="Dependencies, as a picture" tabIndex={0}>
      <svg
        class="graph"
        viewBox={`0 0 ${WIDTH} ${height}`}
        width={WIDTH}
        height={height}
        role="img"
        aria-label={`${path} depends on: ${label}`}
      >
        {shown.map(({ granularity, table, what }, at) => {
          const y = at * ROW + ROW / 2;
          return (
            <g key={`${granularity} ${table} ${what}`} class={granularity}>
              <path d={`M ${LEFT} ${y} C ${LEFT + 60} ${y}, ${LEFT + 60} ${middle}, ${LEFT + 120} ${middle}`} />
              <rect x={1} y={y - 17} width={LEFT - 2} height={34} rx={6} />
              <text x={12} y={y - 2}>
                {KINDS[granularity] ?? granularity} · {table}
              </text>
              <text x={12} y={y + 12} class="what">
                {what.length > 48 ? `${what.slice(0, 47)}…` : what}
              </text>
            </g>
          );
        })}
        <g class="url">
          <rect x={LEFT + 120} y={middle - 17} width={WIDTH - LEFT - 122} height={34} rx={6} />
          <text x={LEFT + 132} y={middle + 4}>
            {path.length > 26 ? `${path.slice(0, 25)}…` : path}
          </text>
        </g>
      </svg>
      {rows.length > shown.length && <p class="note">and {rows.length - shown.length} more</p>}
    </section>
  );
}
