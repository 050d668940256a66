/** What a run is loaded from, its snapshot and the rest of its journal, says what its whole journal says. */
import { isDeepStrictEqual } from 'node:util';
import { evolve } from '../../../src/control-plane/engine/evolve.ts';
import type { RunState } from '../../../src/control-plane/engine/state.ts';
import { decodeSnapshot } from '../../../src/control-plane/runtime/snapshots.ts';
import { decodeEvents } from '../../../src/control-plane/store/codec/decode.ts';
import type { MemoryData } from '../../../src/control-plane/store/memory/memory-data.ts';
import type { Verdict } from '../failure.ts';

export class SnapshotChecks {
  private readonly data: () => MemoryData;
  private readonly verdict: Verdict;

  constructor(data: () => MemoryData, verdict: Verdict) {
    this.data = data;
    this.verdict = verdict;
  }

  /** `replayed`: the fold of the whole durable journal. */
  check(replayed: RunState): void {
    const { runId, workflow } = replayed;
    const snapshot = this.data().snapshots.get(runId);
    if (snapshot === undefined) return;
    const state = decodeSnapshot(snapshot, workflow);
    for (const [position, bytes] of this.data().journals.get(runId) ?? [])
      if (position >= snapshot.position) for (const event of decodeEvents(bytes)) evolve(state, event);
    this.verdict.check(
      isDeepStrictEqual(state, replayed),
      'a snapshot and what follows it give the state of the whole journal',
      () => `run ${runId} at ${replayed.position}, snapshot at ${snapshot.position}: ${differing(state, replayed)}`,
    );
  }
}

function differing(state: RunState, replayed: RunState): string {
  const right = new Map<string, unknown>(Object.entries(replayed));
  return Object.entries(state)
    .filter(([key, value]) => !isDeepStrictEqual(value, right.get(key)))
    .map(([key]) => key)
    .join(', ');
}
