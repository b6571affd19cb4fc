// The output of `tidegate populate` for people: a bar while it runs, a sentence at the end, a table of jobs.

import type { PopulateApi } from '../../../admin/populate-api.ts';
import type { JobProgress } from '../../../engine/populate/populate-job.ts';
import type { ScheduleState } from '../../populate/schedules.ts';
import { counted, printable } from './admin-text.ts';

const BAR_CHARS = 24;

/** One line, e.g. `[######      ] 25 % 250 of 1000, 100/s`. A total that may still grow has a `+`. */
export function progressLine(progress: JobProgress): string {
  const { total, done, sealed, perSecond, failed } = progress;
  const part = total === 0 ? 0 : done / total;
  const filled = Math.floor(part * BAR_CHARS);
  const bar = `[${'#'.repeat(filled)}${' '.repeat(BAR_CHARS - filled)}]`;
  const trouble = failed === 0 ? '' : `, ${failed} failed`;
  return `${bar} ${Math.floor(part * 100)} % ${done} of ${total}${sealed ? '' : '+'}, ${perSecond}/s${trouble}`;
}

export function endText(progress: JobProgress): string {
  const { id, state, done, total, stored, fresh, refused, failed, reasons, notStored, perSecond, error } = progress;
  const counts = `${stored} stored, ${fresh} fresh already, ${refused} refused, ${failed} failed`;
  const lines = [`${state} (${id}): ${done} of ${total}: ${counts}; ${perSecond}/s`];
  for (const [reason, count] of Object.entries(reasons)) {
    const example = notStored.findLast((one) => one.reason === reason);
    const shown = example === undefined ? '' : `, ${count === 1 ? '' : 'such as '}${printable(example.url)}`;
    lines.push(`  ${printable(reason)} ${count}${shown}`);
  }
  if (error !== undefined) lines.push(`  ${printable(error)}`);
  return lines.join('\n');
}

/** The API's list. */
export type PopulateState = Omit<ReturnType<PopulateApi['state']>, 'schedules'> & {
  readonly schedules: readonly ScheduleState[];
};

export function stateText({ waiting, inFlight, jobs, schedules }: PopulateState): string {
  const lines = [`${waiting} waiting, ${inFlight} under way`];
  for (const job of jobs) lines.push(`${job.cause} ${printable(job.name ?? '')}`.trimEnd(), `  ${endText(job)}`);
  for (const { name, runs, skipped, running, nextAt } of schedules) {
    const next = nextAt === undefined ? 'never' : new Date(nextAt).toISOString();
    lines.push(
      `schedule ${name}: ${counted(runs, 'run')}, ${skipped} left out${running ? ', running' : ''}, next ${next}`,
    );
  }
  return lines.join('\n');
}
