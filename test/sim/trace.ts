/** What happened, line by line: a hash over everything, and the last lines for a person. */
import { createHash, type Hash } from 'node:crypto';

const KEPT_LINES = 60;

export class Trace {
  lineCount = 0;
  private readonly hash: Hash = createHash('sha256');
  private readonly last: string[] = [];
  private readonly print: ((line: string) => void) | undefined;

  /** `print` gets every line. */
  constructor(print?: (line: string) => void) {
    this.print = print;
  }

  add(at: number, actor: string, text: string): void {
    const line = `${at.toFixed(3).padStart(12)} ${actor.padEnd(8)} ${text}`;
    this.lineCount += 1;
    this.hash.update(line);
    this.print?.(line);
    this.last.push(line);
    if (this.last.length > KEPT_LINES * 2) this.last.splice(0, KEPT_LINES);
  }

  lastLines(): readonly string[] {
    return this.last.slice(-KEPT_LINES);
  }

  digest(): string {
    return this.hash.copy().digest('hex').slice(0, 16);
  }
}
