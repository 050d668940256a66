/**
 * What a memory store holds. It outlives the adapter, as a disk outlives a process: open a second store over the same data
 * to see what a restart sees.
 */
import type {
  AgentEventRow,
  AgentLabelsRow,
  AuditRow,
  ChunkRow,
  OutputHead,
  RunRow,
  ScheduleRow,
  SnapshotRow,
  TaskRow,
  WorkflowRow,
} from '../port.ts';

export interface MemoryOutput {
  head: OutputHead;
  /** By number, in its order. */
  readonly chunks: Map<number, ChunkRow>;
}

export interface MemoryData {
  /** The newest epoch given out. */
  epoch: number;
  readonly runs: Map<string, RunRow>;
  /** (namespace, request id) to run id. */
  readonly requests: Map<string, string>;
  /** Rows of each run by position of their first event, in order of position. */
  readonly journals: Map<string, Map<number, Uint8Array>>;
  /** The newest of each run that has one. */
  readonly snapshots: Map<string, SnapshotRow>;
  /** Parts by (run, blob id). */
  readonly blobs: Map<string, Map<string, Uint8Array[]>>;
  /** Of each run, by path and attempt. */
  readonly outputs: Map<string, Map<string, MemoryOutput>>;
  /** By (run, path, attempt). */
  readonly tasks: Map<string, TaskRow>;
  /** Versions by (namespace, name), the first version first. */
  readonly workflows: Map<string, WorkflowRow[]>;
  readonly agentEvents: AgentEventRow[];
  /** By id. */
  readonly audit: Map<string, AuditRow>;
  /** By (namespace, name). */
  readonly schedules: Map<string, ScheduleRow>;
  /** By (namespace, agent id). */
  readonly agentLabels: Map<string, AgentLabelsRow>;
}

export function createMemoryData(): MemoryData {
  return {
    epoch: 0,
    runs: new Map(),
    requests: new Map(),
    journals: new Map(),
    snapshots: new Map(),
    blobs: new Map(),
    outputs: new Map(),
    tasks: new Map(),
    workflows: new Map(),
    agentEvents: [],
    audit: new Map(),
    schedules: new Map(),
    agentLabels: new Map(),
  };
}
