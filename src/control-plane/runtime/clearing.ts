/**
 * Takes the values of secrets out of what agents report, before anything else sees it. Runs that were given none pass through
 * as they are.
 */

import type { Clock } from '../../core/clock.ts';
import { YardmasterError } from '../../core/errors.ts';
import { type AttemptKey, parseAttemptId } from '../../core/ids.ts';
import type { Logger } from '../../core/logger.ts';
import type { Redactor } from '../../core/redactor.ts';
import type { AttemptUpdate, ReportedResult } from '../registry/frames.ts';
import { untilRead } from './read-trouble.ts';
import type { Runs } from './runs.ts';
import type { Cleaner, Secrets } from './secrets.ts';

export interface ClearingOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Undefined: nobody is ever given a secret. */
  readonly secrets: Secrets | undefined;
  readonly runs: Runs;
}

export class Clearing {
  private readonly options: ClearingOptions;

  constructor(options: ClearingOptions) {
    this.options = options;
  }

  update(update: AttemptUpdate, use: (update: AttemptUpdate) => void): void {
    // Chunks are cleared where their order is known, and what is used are numbers.
    if (update.type === 'accepted' || update.type === 'chunk' || update.type === 'usage') return use(update);
    this.withCleaner(update.attemptId, (cleaner) => {
      const clear = cleaner === undefined ? update : clearUpdate(update, cleaner);
      if (clear !== undefined) use(clear);
    });
  }

  /** `onLost`: it could not be taken, and the log says so. */
  result(reported: ReportedResult, use: (reported: ReportedResult) => void, onLost = (): void => {}): void {
    const useClear = (cleaner: Cleaner | undefined): void =>
      use(cleaner === undefined ? reported : { ...reported, result: clearResult(reported.result, cleaner) });
    this.withCleaner(reported.attemptId, useClear, onLost);
  }

  /** An upload: it is stored also when its run has ended meanwhile. Throws SECRET_MISSING. */
  async bytes(key: AttemptKey, bytes: Uint8Array): Promise<Uint8Array> {
    const cleaner = await this.cleanerOf(key);
    if (cleaner?.missing !== undefined) {
      const { code, message } = cleaner.missing;
      throw new YardmasterError(code, `Cannot clear the upload of secrets: ${message}`);
    }
    return cleaner === undefined ? bytes : cleaner.redactor.bytes(bytes);
  }

  /** What clears what the attempt writes; undefined: nothing of it can be secret. */
  async cleanerOf(key: AttemptKey): Promise<Cleaner | undefined> {
    const found = this.find(key);
    return found === 'unread' || found === 'over' ? this.look(key) : found;
  }

  private withCleaner(attemptId: string, use: (cleaner: Cleaner | undefined) => void, onLost = (): void => {}): void {
    const key = this.options.secrets === undefined ? undefined : parseAttemptId(attemptId);
    if (key === undefined) return use(undefined);
    const found = this.find(key);
    // Nothing that a report says of a run that is over is kept or shown.
    if (found === 'over') return use(undefined);
    if (found !== 'unread') return use(found);
    untilRead(this.options, { attempt: attemptId }, () => this.look(key)).then(use, (error: unknown) => {
      // The agent keeps a result and sends it again when it returns.
      this.options.logger.error('a report could not be taken', { attempt: attemptId, error });
      onLost();
    });
  }

  /** `unread`: the run is not read yet. `over`: no open run has this id. */
  private find({ runId, path }: AttemptKey): Cleaner | undefined | 'unread' | 'over' {
    const { runs, secrets } = this.options;
    if (secrets === undefined) return undefined;
    const holder = runs.peek(runId);
    if (holder === undefined) return 'over';
    return holder.state === undefined ? 'unread' : secrets.cleanerOf(holder.state, holder, path);
  }

  private async look({ runId, path }: AttemptKey): Promise<Cleaner | undefined> {
    const { runs, secrets } = this.options;
    return runs.inspect(runId, (state, holder) => secrets?.cleanerOf(state, holder, path));
  }
}

/** Undefined: nothing can be kept of it. */
function clearUpdate(update: AttemptUpdate, { redactor, missing }: Cleaner): AttemptUpdate | undefined {
  switch (update.type) {
    case 'accepted':
    case 'chunk':
    case 'usage':
      return update;
    case 'rejected':
    case 'progress':
      return { ...update, message: missing === undefined ? redactor.text(update.message) : '' };
    case 'checkpoint':
      return missing === undefined ? { ...update, value: redactor.bytes(update.value) } : undefined;
    case 'log':
      return missing === undefined
        ? { ...update, message: redactor.text(update.message), fields: clearFields(update.fields, redactor) }
        : undefined;
  }
}

function clearFields(fields: Readonly<Record<string, string>>, redactor: Redactor): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [redactor.text(key), redactor.text(value)]));
}

type Result = ReportedResult['result'];

function clearResult(result: Result, { redactor, missing }: Cleaner): Result {
  switch (result.kind) {
    case 'cancelled':
      return result;
    case 'handedBack':
      return { ...result, reason: missing === undefined ? redactor.text(result.reason) : '' };
    case 'completed':
      if (missing !== undefined) return uncleared(missing.message);
      // A blob was cleared when it was uploaded.
      if (result.output.kind === 'blob') return result;
      return { ...result, output: { ...result.output, bytes: redactor.bytes(result.output.bytes) } };
    case 'failed':
      if (missing !== undefined) return uncleared(missing.message);
      return {
        ...result,
        code: redactor.text(result.code),
        message: redactor.text(result.message),
        details: result.details === undefined ? undefined : redactor.bytes(result.details),
      };
  }
}

function uncleared(fact: string): Result {
  return {
    kind: 'failed',
    code: 'SECRET_MISSING',
    message: `Cannot keep what the agent gave, since it cannot be cleared of secrets. ${fact}`,
    details: undefined,
    retryable: false,
    retryAfterMs: 0,
    avoidThisAgent: false,
  };
}
