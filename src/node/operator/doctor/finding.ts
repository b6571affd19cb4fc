// What the doctor has found: each finding says how to mend it, unless all is well.

type Area = 'configuration' | 'origin' | 'disk' | 'certificate' | 'feed' | 'clock' | 'routes' | 'gate';

export interface Finding {
  readonly area: Area;
  /** `error`: something does not work. `warning`: something may do harm. */
  readonly level: 'error' | 'warning' | 'fine';
  readonly what: string;
  readonly mend?: string;
}

export function fine(area: Area, what: string): Finding {
  return { area, level: 'fine', what };
}

export function amiss(area: Area, level: 'error' | 'warning', [what, mend]: readonly [string, string]): Finding {
  return { area, level, what, mend };
}
