/** What the invariants see of a running control plane beyond its API. The one place that looks behind `private`. */
import type { RunningControlPlane } from '../../../src/control-plane/runtime/assembly.ts';
import type { FaceOptions } from '../../../src/control-plane/runtime/face.ts';
import type { RunHolder } from '../../../src/control-plane/runtime/run-holder.ts';
import type { IndexedInstance } from '../../../src/control-plane/scheduler/indexed-instance.ts';

export interface Inside {
  readonly fleet: FaceOptions['fleet'];
  readonly runs: FaceOptions['runs'];
  readonly catalogue: FaceOptions['catalogue'];
  readonly holders: ReadonlyMap<string, RunHolder>;
  /** Slots that the scheduler counts as taken, by instance. */
  readonly scheduled: ReadonlyMap<string, IndexedInstance>;
}

export function lookInside(face: RunningControlPlane): Inside {
  const { options } = face as unknown as { readonly options: FaceOptions };
  const { fleet, runs, scheduler, catalogue } = options;
  return {
    fleet,
    runs,
    catalogue,
    holders: (runs as unknown as { readonly holders: Map<string, RunHolder> }).holders,
    scheduled: (scheduler as unknown as { readonly instances: Map<string, IndexedInstance> }).instances,
  };
}
