/** MeshService for simulated agents: calls that last, over the same unreliable network; each end notices after a while that the other is gone. */
import type { CallAnswer, CallOrder, CallProgress } from '../../src/agent-sdk/link.ts';
import type { RunningControlPlane } from '../../src/control-plane/runtime/assembly.ts';
import type { CallEvent } from '../../src/control-plane/runtime/control-plane.ts';
import { findError } from '../../src/core/error-catalogue.ts';
import { toYardmasterError, YardmasterError } from '../../src/core/errors.ts';
import { encodeValue } from '../../src/core/value.ts';
import type { ControlPlaneHost } from './control-plane-host.ts';
import type { Route } from './network.ts';
import type { Process, World } from './world.ts';

const LATENCY_MS = 1;
/** Between two looks at whether the other end is there. */
const PING_MS = 2_000;

interface Caller {
  readonly process: Process;
  readonly route: Route;
}

export class CallCarrier {
  private readonly world: World;
  private readonly host: ControlPlaneHost;

  constructor(world: World, host: ControlPlaneHost) {
    this.world = world;
    this.host = host;
  }

  invoke(
    agent: Caller,
    order: CallOrder,
    onProgress: (progress: CallProgress) => void,
    signal: AbortSignal,
  ): Promise<CallAnswer> {
    const { world, host } = this;
    const { face, process } = host;
    const { route } = agent;
    const server = new AbortController();
    return new Promise((resolve, reject) => {
      let isOver = false;
      const end = (settle: () => void): void => {
        if (isOver) return;
        isOver = true;
        world.after(LATENCY_MS, agent.process, 'io', settle);
      };
      const lose = (): void => end(() => reject(new YardmasterError('UNAVAILABLE', 'Cannot reach the control plane')));
      const ping = (): void => {
        const isLost = process.isDead || agent.process.isDead || route.isBlackHole || route.isRefused;
        if (isLost) {
          server.abort();
          lose();
        } else if (!isOver) world.after(PING_MS, undefined, 'timer', ping);
      };
      signal.addEventListener(
        'abort',
        () => {
          server.abort();
          end(() => {});
          reject(signal.reason);
        },
        { once: true },
      );
      if (face === undefined || process.isDead || route.isRefused || route.isBlackHole) return lose();
      world.after(LATENCY_MS, process, 'io', () => {
        follow(face, order, onProgress, server.signal).then(
          (answer) => (answer === undefined ? lose() : end(() => resolve(answer))),
          (error) => end(() => reject(toStatus(error))),
        );
      });
      world.after(PING_MS, undefined, 'timer', ping);
    });
  }
}

async function follow(
  face: RunningControlPlane,
  order: CallOrder,
  onProgress: (progress: CallProgress) => void,
  signal: AbortSignal,
): Promise<CallAnswer | undefined> {
  const { timeoutMs, ...rest } = order;
  const request = { ...rest, timeoutMs: timeoutMs === 0 ? undefined : timeoutMs };
  for await (const event of face.invoke(request, signal)) {
    if (event.type === 'progress') onProgress(event);
    if (event.type === 'result') return toAnswer(event);
  }
  return undefined;
}

function toAnswer({ runId, status, output, failure }: Extract<CallEvent, { type: 'result' }>): CallAnswer {
  const blob =
    output?.kind === 'blob' ? { blobId: output.blobId, size: output.size, sha256: new Uint8Array(0) } : undefined;
  return {
    runId,
    status,
    output:
      output?.kind === 'inline'
        ? { kind: 'value', bytes: output.bytes }
        : blob === undefined
          ? undefined
          : { kind: 'blob', blob },
    error:
      failure === undefined
        ? undefined
        : {
            code: failure.code,
            message: failure.message,
            details: failure.details === undefined ? undefined : encodeValue(failure.details),
            agentId: failure.agentId ?? '',
          },
  };
}

function toStatus(error: unknown): YardmasterError {
  const { code, message } = toYardmasterError(error);
  return new YardmasterError(findError(code)?.status ?? 'INTERNAL', message, { meta: { reason: code } });
}
