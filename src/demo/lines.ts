/** The lines of the demo: a mark, what it is about, who, and what happened. */
export type Mark = 'ok' | '!' | '->' | '..' | 'x' | '';

export interface Line {
  readonly mark: Mark;
  readonly subject: string;
  readonly who?: string;
  readonly fact?: string;
  readonly ms?: number;
}

export interface Lines {
  say(line: Line): void;
  text(text: string): void;
}

const INDENT = '     ';
const SUBJECT_WIDTH = 16;
const LEFT_WIDTH = 36;
/** Where the time of a line stands. */
const TIME_COLUMN = 66;
const COLORS: Readonly<Record<Mark, number>> = { ok: 32, '!': 33, '->': 36, '..': 2, x: 31, '': 0 };

export function createLines(write: (text: string) => void, color: boolean): Lines {
  const paint = (mark: Mark): string => {
    const padded = mark.padEnd(3);
    return color && mark !== '' ? `\u001b[${COLORS[mark]}m${padded}\u001b[0m` : padded;
  };
  return {
    say({ mark, subject, who = '', fact = '', ms }) {
      const left = who === '' ? subject : `${subject.padEnd(SUBJECT_WIDTH - 1)} ${who}`;
      const line = `${left.padEnd(LEFT_WIDTH)} ${fact}`.trimEnd();
      const time = ms === undefined ? '' : formatSeconds(ms);
      write(`${INDENT}${paint(mark)} ${time === '' ? line : `${line.padEnd(TIME_COLUMN)} ${time}`}\n`);
    },
    text: (text) => write(text === '' ? '\n' : `${INDENT}${text}\n`),
  };
}

export function formatSeconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)}s`;
}

export function formatRows(rows: number): string {
  return `${rows.toLocaleString('en-US')} rows`;
}
