/** Collects what is wrong with one request or frame, so that all of it is said at once. */
import { type Problem, YardmasterError } from '../../../core/errors.ts';

/** A sender that gets everything wrong is told this many times; the rest adds nothing. */
const PROBLEMS_MAX = 50;

export class Faults {
  readonly problems: Problem[] = [];
  private readonly code: string;

  /** `code` of each problem and of the error: INVALID_ARGUMENT for requests, MALFORMED_FRAME for frames. */
  constructor(code: string) {
    this.code = code;
  }

  /** `pointer` names the field, such as `report.results[0].attempt_id`; `fact` says what is wrong with it. */
  add(pointer: string, fact: string): void {
    if (this.problems.length >= PROBLEMS_MAX) return;
    this.problems.push({ code: this.code, message: `"${pointer}": ${fact}`, place: { pointer } });
  }

  /** `action` completes the message: `Cannot <action>: ...`. */
  throwIfAny(action: string): void {
    const [first] = this.problems;
    if (first === undefined) return;
    const rest = this.problems.length - 1;
    const more = rest === 0 ? '' : ` (and ${rest} more)`;
    throw new YardmasterError(this.code, `Cannot ${action}: ${first.message}${more}`, { problems: this.problems });
  }
}
