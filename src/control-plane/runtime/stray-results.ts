/**
 * Results of attempts that their sender does not hold. An honest agent has a few, when it was away for longer than its window; each is
 * answered from the journal, which has to be read for it. As anybody may send any number, some are looked into at a time for each
 * stream, and while many wait nothing is read from it.
 *
 * What waits when the stream ends is dropped: an agent sends it again when it returns.
 */
import type { ReportedResult, SessionPeer } from '../registry/frames.ts';
import type { Instance } from '../registry/instance.ts';

/** Looked into at once, for one stream. */
const UNDER_WAY_MAX = 64;
/** From so many that wait on, nothing more is read from the stream. */
const WAITING_MAX = 256;

interface Line {
  readonly peer: SessionPeer | undefined;
  waiting: ReportedResult[];
  underWay: number;
  isReading: boolean;
}

export class StrayResults {
  private readonly look: (instance: Instance, reported: ReportedResult, onDone: () => void) => void;
  private readonly lines = new Map<Instance, Line>();

  /** `look` answers the result and calls `onDone` once. */
  constructor(look: (instance: Instance, reported: ReportedResult, onDone: () => void) => void) {
    this.look = look;
  }

  take(instance: Instance, reported: ReportedResult): void {
    let line = this.lines.get(instance);
    if (line === undefined || line.peer !== instance.peer) {
      line = { peer: instance.peer, waiting: [], underWay: 0, isReading: true };
      this.lines.set(instance, line);
    }
    if (line.underWay < UNDER_WAY_MAX) return this.start(instance, line, reported);
    line.waiting.push(reported);
    if (line.waiting.length < WAITING_MAX || !line.isReading) return;
    line.isReading = false;
    line.peer?.setReading?.(false);
  }

  private start(instance: Instance, line: Line, reported: ReportedResult): void {
    line.underWay += 1;
    let isDone = false;
    this.look(instance, reported, () => {
      if (isDone) return;
      isDone = true;
      line.underWay -= 1;
      this.goOn(instance, line);
    });
  }

  private goOn(instance: Instance, line: Line): void {
    if (line.peer !== instance.peer) line.waiting = [];
    const next = line.waiting.shift();
    if (next !== undefined) this.start(instance, line, next);
    if (line.waiting.length === 0 && !line.isReading) {
      line.isReading = true;
      line.peer?.setReading?.(true);
    }
    if (line.underWay === 0 && this.lines.get(instance) === line) this.lines.delete(instance);
  }
}
