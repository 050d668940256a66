/** Colour. A status is always a word, too: colour only underlines it. */

export type Paint = 'good' | 'bad' | 'warn' | 'busy' | 'dim' | 'strong';

export interface Style {
  paint(text: string, paint: Paint): string;
}

const CODES: Readonly<Record<Paint, number>> = { good: 32, bad: 31, warn: 33, busy: 36, dim: 2, strong: 1 };

export const plainStyle: Style = { paint: (text) => text };

export const colourStyle: Style = { paint: (text, paint) => `\u001b[${CODES[paint]}m${text}\u001b[0m` };

const STATUS_PAINTS: Readonly<Record<string, Paint>> = {
  COMPLETED: 'good',
  PASS: 'good',
  FAIL: 'bad',
  UNSUPPORTED: 'warn',
  DONE: 'good',
  READY: 'good',
  RUNNING: 'busy',
  ENDING: 'warn',
  FAILED: 'bad',
  REFUSED: 'bad',
  TIMED_OUT: 'bad',
  LOST: 'bad',
  MISSING: 'bad',
  UNREACHABLE: 'warn',
  SUSPECT: 'warn',
  DRAINING: 'warn',
  CORDONED: 'warn',
  CANCELLED: 'warn',
};

export function paintStatus(style: Style, status: string): string {
  const paint = STATUS_PAINTS[status];
  return paint === undefined ? status : style.paint(status, paint);
}
