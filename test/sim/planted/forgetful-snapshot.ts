/** A planted bug: snapshots that forget one field of the steps in them. */
import { crc32 } from 'node:zlib';
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import type { PlainRun } from '../../../src/control-plane/engine/plain-state.ts';
import { decodeTree, encodeTree } from '../../../src/control-plane/runtime/tree-codec.ts';
import type { SnapshotRow, Store } from '../../../src/control-plane/store/port.ts';
import type { SimSettings } from '../settings.ts';

/** Every third row of a run has one. */
export function withSnapshots(settings: SimSettings): SimSettings {
  return { ...settings, limits: { ...settings.limits, snapshotRows: 3 } };
}

export function forgetful(store: Store): Store {
  return { ...store, commit: (batch) => store.commit({ ...batch, snapshots: batch.snapshots.map(forget) }) };
}

/** How many tries of each step failed. */
function forget(row: SnapshotRow): SnapshotRow {
  const reader = new BinaryReader(row.bytes);
  const fingerprint = reader.string();
  reader.fixed32();
  // The product wrote it.
  const plain = decodeTree(reader.bytes()) as PlainRun;
  const steps = plain.root.steps.map((step) => ({ ...step, failedTries: 0 }));
  const tree = encodeTree({ ...plain, root: { ...plain.root, steps } });
  if (tree === undefined) return row;
  const writer = new BinaryWriter().string(fingerprint).fixed32(crc32(tree)).bytes(tree);
  return { ...row, bytes: writer.finish() };
}
