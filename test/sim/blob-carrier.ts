/** BlobService for simulated agents: values that are too large for a frame, over the same unreliable network. */
import type { BlobUpload } from '../../src/agent-sdk/link.ts';
import type { BlobReference } from '../../src/agent-sdk/news.ts';
import type { RunningControlPlane } from '../../src/control-plane/runtime/assembly.ts';
import { findError } from '../../src/core/error-catalogue.ts';
import { toYardmasterError, YardmasterError } from '../../src/core/errors.ts';
import type { ControlPlaneHost } from './control-plane-host.ts';
import type { Route } from './network.ts';
import type { Process, World } from './world.ts';

const LATENCY_MS = 1;
const TIMEOUT_MS = 10_000;
const PART_BYTES = 1_024;

interface Caller {
  readonly process: Process;
  readonly route: Route;
}

export class BlobCarrier {
  private readonly world: World;
  private readonly host: ControlPlaneHost;

  constructor(world: World, host: ControlPlaneHost) {
    this.world = world;
    this.host = host;
  }

  upload(agent: Caller, { attemptId, bytes, sha256 }: BlobUpload, signal: AbortSignal): Promise<BlobReference> {
    return this.call(agent, signal, async (face) => {
      const { blobId, size } = await face.uploadBlob({ attemptId, size: bytes.length, sha256, parts: partsOf(bytes) });
      return { blobId, size, sha256 };
    });
  }

  download(agent: Caller, runId: string, { blobId }: BlobReference, signal: AbortSignal): Promise<Uint8Array> {
    return this.call(agent, signal, (face) => face.downloadBlob(runId, blobId));
  }

  private call<T>(agent: Caller, signal: AbortSignal, work: (face: RunningControlPlane) => Promise<T>): Promise<T> {
    const { world, host } = this;
    return new Promise((resolve, reject) => {
      const settle = (run: () => void): void => {
        world.after(agent.route.isBlackHole ? TIMEOUT_MS : LATENCY_MS, agent.process, 'io', run);
      };
      const unavailable = (): void =>
        settle(() => reject(new YardmasterError('UNAVAILABLE', 'Cannot reach the control plane')));
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      world.after(TIMEOUT_MS, agent.process, 'timer', () =>
        reject(new YardmasterError('DEADLINE_EXCEEDED', 'Cannot transfer a value: no answer')),
      );
      const { face, process } = host;
      if (face === undefined || process.isDead || agent.route.isRefused || agent.route.isBlackHole)
        return unavailable();
      world.after(LATENCY_MS, process, 'io', () => {
        work(face).then(
          (value) => settle(() => resolve(value)),
          (error) => {
            const { code, message } = toYardmasterError(error);
            settle(() => reject(new YardmasterError(findError(code)?.status ?? 'INTERNAL', message)));
          },
        );
      });
    });
  }
}

async function* partsOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += PART_BYTES) yield bytes.subarray(from, from + PART_BYTES);
}
