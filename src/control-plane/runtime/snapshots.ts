/**
 * Snapshots of runs: the state as it was after a row of the journal, so that a long run is loaded without its whole journal (ADR 19).
 *
 * Invariants: 1. a snapshot is written in the commit of its row and says what the fold of the journal up to there says; 2. whatever is
 * not exactly what this program writes is no snapshot: another version of the program or of the format, other bytes; 3. a run of
 * fewer rows than `limits.snapshotRows` has none.
 */
import { crc32 } from 'node:zlib';
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { limits } from '../../core/limits.ts';
import { VERSION } from '../../core/version.ts';
import type { CompiledWorkflow } from '../../workflow/compiled.ts';
import { fromPlain, type PlainRun, toPlain } from '../engine/plain-state.ts';
import type { RunState } from '../engine/state.ts';
import { isRunOver } from '../engine/status.ts';
import type { SnapshotRow } from '../store/port.ts';
import type { RunHolder } from './run-holder.ts';
import { decodeTree, encodeTree } from './tree-codec.ts';

/** Goes up with every change of what a state is made of, or of what its fields mean, between two releases. */
export const SNAPSHOT_FORMAT = 2;

/**
 * The version of the program is in it: what a later `evolve` makes of the same journal may differ, and then the journal is right.
 */
const FINGERPRINT = `${SNAPSHOT_FORMAT} ${VERSION}`;

/** Counts a row that is about to be written, ending before `position`; with it goes the snapshot that is due, if there is one. */
export function countRow(holder: RunHolder, position: number): SnapshotRow | undefined {
  holder.rowsSinceSnapshot += 1;
  const { runId, state } = holder;
  if (holder.rowsSinceSnapshot < limits.snapshotRows || state === undefined) return undefined;
  // It is ahead of the row while a decision waits for values; then the next row has the snapshot.
  if (state.position !== position || isRunOver(state.status)) return undefined;
  holder.rowsSinceSnapshot = 0;
  const bytes = encodeSnapshot(state);
  return bytes === undefined ? undefined : { runId, position, bytes };
}

/** Undefined when it is larger than snapshots may be. */
export function encodeSnapshot(state: RunState): Uint8Array | undefined {
  const tree = encodeTree(toPlain(state), limits.snapshotBytesMax);
  if (tree === undefined) return undefined;
  return new BinaryWriter().string(FINGERPRINT).fixed32(crc32(tree)).bytes(tree).finish();
}

/** The state, which the caller owns. Throws what is wrong with the snapshot. */
export function decodeSnapshot({ runId, position, bytes }: SnapshotRow, workflow: CompiledWorkflow): RunState {
  const reader = new BinaryReader(bytes);
  const fingerprint = reader.string();
  if (fingerprint !== FINGERPRINT) throw new Error(`it is of "${fingerprint}", this program writes "${FINGERPRINT}"`);
  const checksum = reader.fixed32();
  const tree = reader.bytes();
  if (crc32(tree) !== checksum) throw new Error('its checksum does not fit');
  // These bytes were written by `encodeSnapshot` of this very version.
  const plain = decodeTree(tree) as PlainRun;
  if (plain.runId !== runId || plain.position !== position) throw new Error('it is of another run or place');
  return fromPlain(plain, workflow);
}
