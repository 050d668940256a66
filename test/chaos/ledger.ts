/** What agents write down of what they do, by themselves and at once: the other half of the evidence beside the journal. */
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';

interface Execution {
  /** Milliseconds of the monotonic clock, which all processes of a machine share. */
  readonly t: number;
  readonly pid: number;
  readonly runId: string;
  readonly step: string;
  readonly number: number;
}

export type LedgerLine = Execution &
  (
    | { readonly what: 'start'; readonly agent: string; readonly instance: string; readonly capability: string }
    /** `done`: it gave a result, `failed`: one that is a failure, `stopped`: it was told to stop. */
    | { readonly what: 'end'; readonly how: 'done' | 'failed' | 'stopped' }
  );

export function nowMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

export class Ledger {
  private readonly file: number;

  constructor(path: string) {
    this.file = openSync(path, 'a');
  }

  /** On the disk when it returns. */
  write(line: LedgerLine): void {
    writeSync(this.file, `${JSON.stringify(line)}\n`);
    fsyncSync(this.file);
  }

  close(): void {
    closeSync(this.file);
  }
}

/** The last line of a killed process may be half a line: it was not written. */
export function readLedger(path: string): readonly LedgerLine[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  lines.pop();
  return lines.map((line) => JSON.parse(line) as LedgerLine);
}
