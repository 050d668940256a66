/** A part of what a seed draws: so many of its runs, faults and steps. What fails in a part is easier to read than the whole. */
import { FAULT_KINDS, type FaultKind } from './faults.ts';

/** From the first one on, and up to but not including the last one. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

export interface Part {
  readonly runs?: Range;
  readonly faults?: Range;
  /** Of each workflow, at its top. */
  readonly steps?: number;
  /** Kinds of faults that are left out. */
  readonly without?: readonly FaultKind[];
}

export function isInside(range: Range | undefined, index: number): boolean {
  return range === undefined || (index >= range.from && index < range.to);
}

/** As the command takes it: `--runs 2..3 --faults 0..7 --steps 4 --without agentKilled`. */
export function showPart({ runs, faults, steps, without = [] }: Part): string {
  return [
    runs && `--runs ${runs.from}..${runs.to}`,
    faults && `--faults ${faults.from}..${faults.to}`,
    steps !== undefined && `--steps ${steps}`,
    without.length > 0 && `--without ${without.join(',')}`,
  ]
    .filter((text) => text !== undefined && text !== false)
    .join(' ');
}

export type PartFlags = Readonly<Partial<Record<'runs' | 'faults' | 'steps' | 'without', string | undefined>>>;

/** Throws with a sentence for what cannot be read. */
export function readPart({ runs, faults, steps, without }: PartFlags): Part {
  return {
    ...(runs === undefined ? {} : { runs: readRange('runs', runs) }),
    ...(faults === undefined ? {} : { faults: readRange('faults', faults) }),
    ...(steps === undefined ? {} : { steps: readNumber('steps', steps) }),
    ...(without === undefined ? {} : { without: without.split(',').map(readKind) }),
  };
}

function readRange(flag: string, text: string): Range {
  const [from, to, ...rest] = text.split('..');
  if (from === undefined || to === undefined || rest.length > 0)
    throw new Error(`--${flag} takes a range such as 2..5`);
  return { from: readNumber(flag, from), to: readNumber(flag, to) };
}

function readNumber(flag: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Error(`--${flag} takes whole numbers; it is "${text}"`);
}

function readKind(text: string): FaultKind {
  const kind = FAULT_KINDS.find((known) => known === text);
  if (kind === undefined) throw new Error(`--without takes ${FAULT_KINDS.join(', ')}; it is "${text}"`);
  return kind;
}
