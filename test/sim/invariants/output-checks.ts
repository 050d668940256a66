/** Chunks of one attempt are gap-free and in order, whatever breaks; nothing of them leaves before it is durable. */
import type { OutputItem } from '../../../src/control-plane/runtime/control-plane.ts';
import type { Batch } from '../../../src/control-plane/store/port.ts';
import { formatAttemptId } from '../../../src/core/ids.ts';
import type { ChunkAck } from '../../../src/gen/yardmaster/v1/dispatch_pb.ts';
import { ChunkVerdict } from '../../../src/gen/yardmaster/v1/dispatch_pb.ts';
import type { Verdict } from '../failure.ts';
import type { Outputs } from '../outputs.ts';
import { cleared } from '../secrets.ts';

/** What the journal says of an attempt. */
interface AttemptFacts {
  readonly instanceId: string;
  readonly outcome: string | undefined;
}

interface Durable {
  number: number;
  text: string;
}

const RULE = 'chunks of an attempt are gap-free and in order';

export class OutputChecks {
  /** Attempts of which chunks are stored. */
  get count(): number {
    return this.durable.size;
  }
  private readonly durable = new Map<string, Durable>();
  private readonly outputs: Outputs;
  private readonly verdict: Verdict;
  private readonly find: (attemptId: string) => AttemptFacts | undefined;

  constructor(outputs: Outputs, verdict: Verdict, find: (attemptId: string) => AttemptFacts | undefined) {
    this.outputs = outputs;
    this.verdict = verdict;
    this.find = find;
  }

  /** Before the journal of the batch is taken in: an attempt that ends in it was LIVE when they came. */
  onLanded({ outputs }: Batch): void {
    for (const { runId, path, attempt, number, chunks } of outputs) {
      const id = formatAttemptId({ runId, path, number: attempt });
      const facts = this.find(id);
      this.verdict.check(
        facts !== undefined && facts.outcome === undefined,
        'chunks of an attempt that is over are dropped',
        () => `chunk ${number} of ${id} is stored, which is ${facts?.outcome ?? 'unknown'}`,
      );
      const durable = this.durable.get(id) ?? { number: 0, text: '' };
      this.durable.set(id, durable);
      for (const chunk of chunks) {
        this.verdict.check(
          chunk.number === durable.number + 1,
          RULE,
          () => `${id}: ${chunk.number} after ${durable.number}`,
        );
        durable.number = chunk.number;
        durable.text += Buffer.from(chunk.bytes).toString();
      }
      this.verdict.check(
        durable.number === number,
        RULE,
        () => `${id}: the head says ${number}, not ${durable.number}`,
      );
      const written = clear(this.outputs.of(id));
      this.verdict.check(
        written.startsWith(durable.text),
        'what is stored is what was written',
        () => `${id}: ${durable.text.slice(-80)}`,
      );
    }
  }

  /** The attempt completed, and its step accepted that. */
  onCompleted(attemptId: string): void {
    if (this.outputs.isStopped(attemptId)) return;
    this.verdict.check(
      this.textOf(attemptId) === clear(this.outputs.of(attemptId)),
      'what a completed attempt wrote is stored whole',
      () => `${attemptId}: ${this.textOf(attemptId).length} of ${clear(this.outputs.of(attemptId)).length} characters`,
    );
  }

  onAck(instanceId: string, { attemptId, stored, verdict }: ChunkAck): void {
    const facts = this.find(attemptId);
    const isTrue =
      verdict === ChunkVerdict.DROPPED
        ? facts === undefined || facts.outcome !== undefined || facts.instanceId !== instanceId
        : stored <= (this.durable.get(attemptId)?.number ?? 0);
    this.verdict.check(
      isTrue,
      'nothing leaves for a fact that is not durable',
      () =>
        `${attemptId} is told that ${stored} is stored (${verdict}); durable is ${this.durable.get(attemptId)?.number}`,
    );
  }

  reader(runId: string, path: string): OutputReader {
    return new OutputReader(runId, path, this, this.verdict);
  }

  textOf(attemptId: string): string {
    return this.durable.get(attemptId)?.text ?? '';
  }

  numberOf(attemptId: string): number {
    return this.durable.get(attemptId)?.number ?? 0;
  }
}

/** What one reader has; it goes on over cuts and restarts. */
export class OutputReader {
  isOver = false;
  at: { readonly attempt: number; readonly number: number } | undefined = undefined;
  private text = '';
  readonly runId: string;
  readonly path: string;
  private readonly checks: OutputChecks;
  private readonly verdict: Verdict;

  constructor(runId: string, path: string, checks: OutputChecks, verdict: Verdict) {
    this.runId = runId;
    this.path = path;
    this.checks = checks;
    this.verdict = verdict;
  }

  take(item: OutputItem): void {
    const { runId, path } = this;
    const id = formatAttemptId({ runId, path, number: item.attempt });
    switch (item.type) {
      case 'begun':
        this.at = { attempt: item.attempt, number: 0 };
        this.text = '';
        return;
      case 'chunks':
        for (const { number, bytes } of item.chunks) {
          const isNext = this.at?.attempt === item.attempt && number === this.at.number + 1;
          this.verdict.check(isNext, RULE, () => `a reader of ${id} gets ${number} after ${this.at?.number}`);
          this.verdict.check(
            number <= this.checks.numberOf(id),
            'nothing leaves for a fact that is not durable',
            () => `a reader of ${id} gets ${number}; durable is ${this.checks.numberOf(id)}`,
          );
          this.at = { attempt: item.attempt, number };
          this.text += Buffer.from(bytes).toString();
        }
        return;
      case 'end':
        this.isOver = true;
        this.verdict.check(
          item.attempt === 0 || this.text === this.checks.textOf(id),
          'a reader gets all that the attempt wrote whose result counts',
          () => `of ${id} ${this.text.length} characters, not ${this.checks.textOf(id).length}`,
        );
    }
  }
}

function clear(text: string): string {
  return String(cleared(text));
}
