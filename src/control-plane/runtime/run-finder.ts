/** Which run is meant: by its id, or by enough characters of its end. */
import { YardmasterError } from '../../core/errors.ts';
import { RUN_ID_LENGTH } from '../../core/ids.ts';
import type { RunRow, Store } from '../store/port.ts';
import type { EndedRuns } from './ended-runs.ts';
import type { Runs } from './runs.ts';

const TAIL_CHARS_MIN = 4;

export interface RunFinderOptions {
  readonly store: Pick<Store, 'getRun' | 'findRunsByTail'>;
  readonly runs: Pick<Runs, 'peek'>;
  readonly ended: EndedRuns;
}

export class RunFinder {
  private readonly options: RunFinderOptions;

  constructor(options: RunFinderOptions) {
    this.options = options;
  }

  /** Throws RUN_NOT_FOUND and RUN_ID_AMBIGUOUS. */
  async find(namespace: string, runId: string): Promise<RunRow> {
    const full = runId.length === RUN_ID_LENGTH ? runId : await this.expand(namespace, runId);
    const known = this.options.ended.find(namespace, full)?.row ?? this.options.runs.peek(full)?.row;
    if (known?.namespace === namespace) return known;
    const row = await this.options.store.getRun(namespace, full);
    if (row === undefined) throw runNotFound(runId);
    return row;
  }

  private async expand(namespace: string, tail: string): Promise<string> {
    if (tail.length < TAIL_CHARS_MIN) throw runNotFound(tail);
    const found = await this.options.store.findRunsByTail(namespace, tail.toLowerCase(), 3);
    const [only] = found;
    if (only === undefined) throw runNotFound(tail);
    if (found.length > 1) {
      throw new YardmasterError(
        'RUN_ID_AMBIGUOUS',
        `Cannot tell which run "${tail}" is: ${found.join(', ')} end with it`,
        { next: 'give more characters of the id' },
      );
    }
    return only;
  }
}

export function runNotFound(runId: string): YardmasterError {
  return new YardmasterError('RUN_NOT_FOUND', `Cannot find run "${runId.slice(0, 64)}"`, {
    next: 'yardmaster runs list',
  });
}
