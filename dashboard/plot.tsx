// A plot over time.

import { useEffect, useRef } from 'preact/hooks';
import UPlot from 'uplot';

export interface Line {
  readonly name: string;
  /** Variable of the style that has its colour. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
}

interface PlotProps {
  readonly label: string;
  /** In seconds since the Unix epoch. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly text: (value: number) => string;
  readonly most?: number;
}

const HEIGHT = 168;

export function Plot({ label, times, lines, text, most }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | undefined>(undefined);
  const names = lines.map(({ name }) => name).join();
  useEffect(() => {
    const element = place.current as HTMLDivElement;
    const make = () => {
      plot.current?.destroy();
      const style = getComputedStyle(document.documentElement);
      const colour = (name: string) => style.getPropertyValue(name).trim();
      const axis = { stroke: colour('--muted'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false } };
      plot.current = new UPlot(
        {
          width: element.clientWidth,
          height: HEIGHT,
          cursor: { points: { size: 6 }, y: false },
          legend: { show: true, live: true },
          scales: { y: { range: (_, __, max) => [0, most ?? Math.max(max * 1.1, 1e-9)] } },
          axes: [
            { ...axis, size: 28, space: 80, values: (_, all) => timesOf(all) },
            { ...axis, size: 58, values: (_, all) => all.map(text) },
          ],
          series: [
            { value: (_, at) => (at === null ? '–' : new Date(at * 1_000).toTimeString().slice(0, 8)) },
            ...lines.map((line) => ({
              label: line.name,
              stroke: colour(line.colour),
              width: 1.5,
              points: { show: false },
              value: (_: UPlot, value: number | null) => (value === null ? '–' : text(value)),
            })),
          ],
        },
        dataOf(times, lines),
        element,
      );
    };
    make();
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    addEventListener('theme', make);
    return () => {
      resized.disconnect();
      removeEventListener('theme', make);
      plot.current?.destroy();
    };
  }, [names]);
  useEffect(() => plot.current?.setData(dataOf(times, lines)), [times, lines]);
  const last = lines
    .map(({ name, values }) => `${name} ${text(values.findLast((value) => value !== null) ?? 0)}`)
    .join(', ');
  return <div class="plot" ref={place} role="img" aria-label={`${label}: ${last}`} data-points={times.length} />;
}

/** With seconds where the minutes alone would not differ. */
function timesOf(all: readonly number[]): string[] {
  const [first = 0, second = 0] = all;
  const length = second - first < 60 ? 8 : 5;
  return all.map((at) => new Date(at * 1_000).toTimeString().slice(0, length));
}

function dataOf(times: readonly number[], lines: readonly Line[]): UPlot.AlignedData {
  return [times as number[], ...lines.map(({ values }) => values as (number | null)[])];
}
