/**
 * The network between agents and the control plane. Both ends are the product's own: the SDK's session talks to a
 * `SessionLink`, the control plane's `SessionStreams` to what looks to it like a grpc-js call. In between, streams keep their
 * order, as TCP does; they are late, they stall, they break, and a broken one may be noticed by one side only.
 */
import { toBinary } from '@bufbuild/protobuf';
import type { LinkEvents, LinkFactory, SessionLink } from '../../src/agent-sdk/link.ts';
import { type SessionRequest, SessionRequestSchema } from '../../src/gen/opaque/session_pb.ts';
import type { ControlPlaneHost } from './control-plane-host.ts';
import { describeRequest } from './describe.ts';
import type { Dice } from './dice.ts';
import { Stream } from './stream.ts';
import type { Process, World } from './world.ts';

export interface NetworkSettings {
  /** Milliseconds one way. */
  readonly latencyMs: readonly [number, number];
  /** Chance that a frame which may come twice does: a Report, a Dispatch. */
  readonly duplicates: number;
  /** Bytes that are on their way before the sender is told to wait. */
  readonly windowBytes: number;
}

/** What lies between one agent's machine and the control plane's. */
export class Route {
  /** Nothing gets through and nobody is told. */
  isBlackHole = false;
  /** Connections are refused at once. */
  isRefused = false;
  /** Frames of this direction wait until then. */
  stallUpUntil = 0;
  stallDownUntil = 0;
  readonly streams = new Set<Stream>();
}

export class Network {
  readonly world: World;
  readonly dice: Dice;
  readonly settings: NetworkSettings;
  readonly streams = new Set<Stream>();
  duplicates: number;
  private linkCount = 0;

  constructor(world: World, dice: Dice, settings: NetworkSettings) {
    this.world = world;
    this.dice = dice;
    this.settings = settings;
    this.duplicates = settings.duplicates;
  }

  latency(): number {
    const [from, to] = this.settings.latencyMs;
    return this.dice.skewed(from, to);
  }

  /** What the session of one agent process dials with. */
  linksOf(
    agent: { readonly name: string; readonly process: Process; readonly route: Route },
    host: ControlPlaneHost,
  ): LinkFactory {
    return {
      open: (_address, events) => this.dial(agent, host, events),
      upload: (upload, signal) => host.blobs.upload(agent, upload, signal),
      download: (runId, blob, signal) => host.blobs.download(agent, runId, blob, signal),
      invoke: (order, onProgress, signal) => host.agentCalls.invoke(agent, order, onProgress, signal),
      close: () => {},
    };
  }

  private dial(
    agent: { readonly name: string; readonly process: Process; readonly route: Route },
    host: ControlPlaneHost,
    events: LinkEvents,
  ): SessionLink {
    const stream = new Stream({
      network: this,
      route: agent.route,
      agent: agent.process,
      events,
      number: ++this.linkCount,
    });
    this.streams.add(stream);
    agent.route.streams.add(stream);
    stream.onOver = () => {
      this.streams.delete(stream);
      agent.route.streams.delete(stream);
    };
    this.world.log(agent.name, `dials, link ${stream.number}`);
    this.world.after(this.latency(), undefined, 'io', () => this.arrive(stream, agent.route, host));
    return {
      send: (frame: SessionRequest) => {
        if (stream.isClosedByAgent) return;
        this.world.log(agent.name, `sends ${describeRequest(frame)} on ${stream.number}`);
        stream.up(toBinary(SessionRequestSchema, frame), frame.frame.case ?? '');
      },
      close: () => stream.closeByAgent(),
    };
  }

  private arrive(stream: Stream, route: Route, host: ControlPlaneHost): void {
    if (route.isBlackHole) return;
    const accept = route.isRefused ? undefined : host.acceptStreams;
    if (accept === undefined || host.process.isDead) {
      stream.endForAgent({ code: 'UNAVAILABLE', message: 'connection refused' });
      return;
    }
    stream.accept(host.process, accept);
  }
}
