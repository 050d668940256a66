/** Agents that live in this process, and agents that are only expected. */
import { Agent, type Handler } from '../agent-sdk/index.ts';
import type { AgentView } from '../client/index.ts';
import { YardmasterError } from '../core/errors.ts';

/** An agent as the seed writes it. Members that are not named here are not read. */
export interface AgentInput {
  /** What workflows route to. */
  readonly id: string;
  /** A title for people: what `AgentView.name` says in this process. Default: the id. */
  readonly name?: string;
  /** An agent is registered as one that has nothing to do: `idle` is all that can be said. Its status is what it shows. */
  readonly status?: 'idle';
  /** By action. Without handlers (and without `connectTo`) the agent is only expected: it dials in from elsewhere. */
  readonly handlers?: Readonly<Record<string, Handler<never>>>;
  /** Attempts at once; default 1. */
  readonly slots?: number;
  readonly labels?: Readonly<Record<string, string>>;
  /** For objects that bring a connection of their own, such as mocks. The answer takes it down. */
  connectTo?(url: string): Promise<AsyncDisposable>;
}

export class HostedAgents {
  readonly #running = new Map<string, AsyncDisposable>();
  /** Titles of everything that was registered, by id. */
  readonly #names = new Map<string, string>();

  /** Resolves when the agent is connected. Throws AGENT_EXISTS for an id that this process has already. */
  async register(input: AgentInput, url: () => Promise<string>): Promise<void> {
    if (this.#running.has(input.id)) {
      throw new YardmasterError('AGENT_EXISTS', `Cannot register agent "${input.id}": this process has it already`, {
        meta: { status: 'ALREADY_EXISTS' },
        next: 'unregisterAgent first; replicas belong into processes of their own',
      });
    }
    const handlers = Object.entries(input.handlers ?? {});
    if (input.connectTo !== undefined) this.#running.set(input.id, await input.connectTo(await url()));
    else if (handlers.length > 0) this.#running.set(input.id, await startAgent(input, await url()));
    this.#names.set(input.id, input.name ?? input.id);
  }

  async unregister(agentId: string): Promise<void> {
    this.#names.delete(agentId);
    const running = this.#running.get(agentId);
    this.#running.delete(agentId);
    await running?.[Symbol.asyncDispose]();
  }

  /** By id, with their titles; what was registered and never seen is shown as missing. */
  show(agents: readonly AgentView[]): readonly AgentView[] {
    if (this.#names.size === 0) return agents;
    const seen = new Set(agents.map(({ agentId }) => agentId));
    const missing = [...this.#names.keys()].filter((id) => !seen.has(id)).map(missingAgent);
    return [...agents, ...missing]
      .map((agent) => this.#entitle(agent))
      .sort((a, b) => (a.agentId < b.agentId ? -1 : 1));
  }

  showOne(agentId: string, agent: AgentView | undefined): AgentView | undefined {
    if (!this.#names.has(agentId)) return agent;
    return this.#entitle(agent ?? missingAgent(agentId));
  }

  #entitle(agent: AgentView): AgentView {
    const name = this.#names.get(agent.agentId);
    return name === undefined ? agent : { ...agent, name };
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((id) => this.unregister(id)));
  }
}

async function startAgent(input: AgentInput, url: string): Promise<Agent> {
  const { id, slots, labels, handlers } = input;
  const agent = new Agent({
    id,
    url,
    ...(slots === undefined ? {} : { slots }),
    ...(labels === undefined ? {} : { labels }),
  });
  for (const [action, handler] of Object.entries(handlers ?? {})) agent.handle(action, handler);
  await agent.start();
  return agent;
}

function missingAgent(agentId: string): AgentView {
  return { agentId, id: agentId, name: agentId, status: 'MISSING', instances: [], operatorLabels: {}, events: [] };
}
