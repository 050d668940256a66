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
const WHO_WIDTH = 20;
const FACT_WIDTH = 44;
const COLORS: Readonly<Record<Mark, number>> = { ok: 32, '!': 33, '->': 36, '..': 2, x: 31, '': 0 };

export function createLines(write: (text: string) => void, color: boolean): Lines {
  const paint = (mark: Mark): string => {
    const padded = mark.padEnd(3);
    return color && mark !== '' ? `\u001b[${COLORS[mark]}m${padded}\u001b[0m` : padded;
  };
  return {
    say({ mark, subject, who = '', fact = '', ms }) {
      const left =
        who === ''
          ? subject.padEnd(SUBJECT_WIDTH + WHO_WIDTH)
          : `${subject.padEnd(SUBJECT_WIDTH)}${who.padEnd(WHO_WIDTH)}`;
      const time = ms === undefined ? '' : formatSeconds(ms);
      write(
        `${INDENT}${paint(mark)} ${left} ${fact.padEnd(time === '' ? 0 : FACT_WIDTH)}${time}`.trimEnd().concat('\n'),
      );
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
