/** The client with a control plane and agents of its own, in one object. */
import type { Transport } from '@connectrpc/connect';
import {
  AgentNotFoundError,
  type AgentView,
  type Connections,
  createConnections,
  DEFAULT_URL,
  Orchestrator as MeshClient,
  readActor,
} from '../client/index.ts';
import { type AgentInput, HostedAgents } from './hosted-agents.ts';
import { type OwnServer, type OwnServerOptions, startOwnServer } from './own-server.ts';

export interface OrchestratorOptions extends OwnServerOptions {
  /** Of a control plane that runs already. Without it one runs in this process. */
  readonly url?: string;
  /** Who calls, for the audit log; default: the variable YARDMASTER_ACTOR, then nobody in particular. */
  readonly actor?: string;
}

/**
 * `new Orchestrator()` embeds a control plane: it starts at once and must be closed (`await using`, or `close()`). It
 * installs no signal handlers. `new Orchestrator({ url })` talks to one that runs elsewhere.
 */
export class Orchestrator extends MeshClient {
  readonly #agents = new HostedAgents();
  readonly #server: Promise<OwnServer> | undefined;
  readonly #late: Connections | undefined;
  readonly #url: () => Promise<string>;

  constructor(options: OrchestratorOptions = {}) {
    const { url } = options;
    const actor = readActor(options.actor);
    const server = url === undefined ? startOwnServer(options) : undefined;
    const late = server === undefined ? undefined : createLateConnections(server, actor);
    super(late === undefined ? { url: url ?? DEFAULT_URL, actor } : { transport: late });
    this.#server = server;
    this.#late = late;
    this.#url = async () => (server === undefined ? (url ?? DEFAULT_URL) : (await server).url);
    // Told by every call, `ready()` first; without a call nobody asked.
    server?.catch(() => undefined);
  }

  /** Where it listens; of an embedded one, once it does. */
  url(): Promise<string> {
    return this.#url();
  }

  /**
   * With handlers: a real agent in this process, connected when this resolves. Without: an expected one, shown as MISSING
   * until it dials in from elsewhere. The orchestrator is `ready()` afterwards.
   */
  async registerAgent(agent: AgentInput): Promise<void> {
    await this.ready();
    await this.#agents.register(agent, this.#url);
    // The watch tells it up to a second later.
    await this.fetchAgent(agent.id).catch(ignoreUnknown);
  }

  /** Lets its attempts finish for up to 10 s, then disconnects it. */
  unregisterAgent(agentId: string): Promise<void> {
    return this.#agents.unregister(agentId);
  }

  override listAgents(): readonly AgentView[] {
    return this.#agents.show(super.listAgents());
  }

  override getAgent(agentId: string): AgentView | undefined {
    return this.#agents.showOne(agentId, super.getAgent(agentId));
  }

  /** Stops the agents of this process, then the control plane; what is open goes on when its store is opened again. */
  override async close(): Promise<void> {
    await this.#agents.stop();
    await super.close();
    this.#late?.close();
    const server = await this.#server?.catch(() => undefined);
    await server?.stop();
  }
}

/** An expected agent may never have been seen. */
function ignoreUnknown(error: unknown): void {
  if (!(error instanceof AgentNotFoundError)) throw error;
}

/** Calls wait for the server to listen. */
function createLateConnections(server: Promise<OwnServer>, actor: string): Connections {
  let connections: Connections | undefined;
  const connect = async (): Promise<Transport> => {
    const { url } = await server;
    connections ??= createConnections(url, actor);
    return connections;
  };
  return {
    unary: async (...call) => (await connect()).unary(...call),
    stream: async (...call) => (await connect()).stream(...call),
    close: () => connections?.close(),
  };
}
