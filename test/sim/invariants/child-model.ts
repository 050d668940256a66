/** What the journals of a parent and of its child runs may say of each other. */
import { isDeepStrictEqual } from 'node:util';
import type { ChildStarted, RunCreated, RunEnded } from '../../../src/control-plane/engine/events.ts';
import type { RunOutcome } from '../../../src/control-plane/engine/status.ts';
import type { MemoryData } from '../../../src/control-plane/store/memory/memory-data.ts';
import type { StoredValue } from '../../../src/core/stored-value.ts';
import { isCallWorkflow } from '../../../src/workflow/call-workflow.ts';
import type { Verdict } from '../failure.ts';

interface ChildRun {
  readonly parent: string;
  outcome: RunOutcome | undefined;
  output: StoredValue | undefined;
}

export interface NamedChild {
  readonly runId: string;
  readonly hasBegun: boolean;
  readonly outcome: RunOutcome | undefined;
}

export class ChildModel {
  /** By the id of the child run, from the moment at which it began. */
  private readonly children = new Map<string, ChildRun>();
  /** Child runs by step: `run/path`. */
  private readonly named = new Map<string, string>();
  private readonly data: () => MemoryData;
  private readonly verdict: Verdict;

  constructor(data: () => MemoryData, verdict: Verdict) {
    this.data = data;
    this.verdict = verdict;
  }

  isChild(runId: string): boolean {
    return this.children.has(runId);
  }

  /** Another try of the parent: its step, or what stands in it, gets another child run. */
  startAgain(runId: string, path: string): void {
    const step = `${runId}/${path}`;
    for (const key of this.named.keys()) if (key === step || key.startsWith(`${step}/`)) this.named.delete(key);
  }

  /** The parent has the word for it. */
  name(runId: string, event: ChildStarted): void {
    const step = `${runId}/${event.path}`;
    const known = this.named.get(step);
    this.verdict.check(known === undefined, 'a step has one child run', () => `${step}: ${known}, then ${event.runId}`);
    this.verdict.check(!this.children.has(event.runId), 'a child run is of one step', () => `${event.runId}, ${step}`);
    this.named.set(step, event.runId);
  }

  begin({ runId, workflow, parent }: RunCreated): void {
    if (parent === undefined || isCallWorkflow(workflow)) return;
    const step = `${parent.runId}/${parent.path}`;
    this.verdict.check(
      this.named.get(step) === runId,
      'a child run begins when its parent has the word for it',
      () => `${runId} begins; ${step} has ${this.named.get(step)}`,
    );
    this.verdict.check(!this.children.has(runId), 'a child run starts once', () => runId);
    this.children.set(runId, { parent: step, outcome: undefined, output: undefined });
  }

  end(runId: string, { status, output }: RunEnded): void {
    const child = this.children.get(runId);
    if (child === undefined) return;
    child.outcome = status;
    child.output = output;
  }

  /** Of a step that has one. */
  find(runId: string, path: string): NamedChild | undefined {
    const childId = this.named.get(`${runId}/${path}`);
    if (childId === undefined) return undefined;
    const child = this.children.get(childId);
    return { runId: childId, hasBegun: child !== undefined, outcome: child?.outcome };
  }

  /** What the step gave is what its child run gave, and stands in the parent on its own. */
  compare(runId: string, path: string, output: StoredValue | undefined): void {
    const childId = this.named.get(`${runId}/${path}`) ?? '';
    const given = this.bytesOf(childId, this.children.get(childId)?.output);
    this.verdict.check(
      isDeepStrictEqual(this.bytesOf(runId, output), given),
      'a step gives what its child run gave',
      () => `${runId}/${path} and ${childId}`,
    );
  }

  private bytesOf(runId: string, value: StoredValue | undefined): Uint8Array | undefined {
    if (value?.kind !== 'blob') return value?.bytes;
    const parts = this.data().blobs.get(runId)?.get(value.blobId);
    return parts === undefined ? undefined : Buffer.concat(parts);
  }
}
