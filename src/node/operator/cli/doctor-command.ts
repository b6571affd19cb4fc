// The command `doctor`: examines a gate, and prints what it has found and how to mend it.

import { counted } from '../../counted.ts';
import type { Finding } from '../doctor/finding.ts';
import { COMMON_OPTIONS, type CommonOptions } from './admin-commands.ts';
import { coloured } from './colours.ts';
import { type Call, CONFIG_ARGUMENT, type CommandRow, show } from './commands.ts';
import { printableLines } from './text.ts';

const [ADMIN, TOKEN] = COMMON_OPTIONS as [(typeof COMMON_OPTIONS)[0], (typeof COMMON_OPTIONS)[0]];
const { fallback: USUAL_ADMIN, ...ADMIN_RULES } = ADMIN[2] ?? {};

export const DOCTOR: CommandRow = {
  name: 'doctor',
  help: 'examine a gate: configuration, origins, certificates, disk, feeds, clock, suspicious routes; and say how to mend each',
  argument: CONFIG_ARGUMENT,
  options: [
    [ADMIN[0], `${ADMIN[1]} (default: ${USUAL_ADMIN}, where a gate may be)`, ADMIN_RULES],
    TOKEN,
    ['--json', 'print the findings as JSON'],
  ],
  ends: `Origins get one HEAD / each, databases are only read. Ends with 0 when there is no error among the findings, with 1 when there is one.`,
  run: doctor,
};

async function doctor(call: Call<Partial<CommonOptions>>): Promise<boolean> {
  const { options, argument } = call;
  const { examine } = await import('../doctor/doctor.ts');
  const { platformClock } = await import('../../../cache/platform.ts');
  const findings = await examine({
    place: { file: argument, cwd: process.cwd() },
    gate: { admin: options.admin ?? String(USUAL_ADMIN), token: options.token },
    isGateAsked: options.admin !== undefined,
    now: () => platformClock.now(),
  });
  const errors = findings.filter(({ level }) => level === 'error').length;
  const warnings = findings.filter(({ level }) => level === 'warning').length;
  show(call, { errors, warnings, findings }, reportText);
  return errors === 0;
}

interface DoctorReport {
  readonly errors: number;
  readonly warnings: number;
  readonly findings: readonly Finding[];
}

const MARKS = { error: 'ERROR', warning: 'warning', fine: 'ok' } as const;
const COLOURS = { error: 'red', warning: 'yellow', fine: 'green' } as const;

function reportText({ errors, warnings, findings }: DoctorReport): string {
  const lines = findings.flatMap(({ area, level, what, mend }) => {
    const mark = coloured(COLOURS[level], MARKS[level].padEnd(8));
    const [first, ...more] = printableLines(what).split('\n');
    const indented = more.map((line) => `          ${line}`);
    return [`${mark}  ${area}: ${first}`, ...indented, ...(mend === undefined ? [] : [`          mend: ${mend}`])];
  });
  return [...lines, '', `${counted(errors, 'error')}, ${counted(warnings, 'warning')}`].join('\n');
}
