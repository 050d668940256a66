/** Agents that live in this process, and agents that are only expected. */
import { Agent, type Handler } from '../agent-sdk/index.ts';
import type { AgentView } from '../client/index.ts';
import { YardmasterError } from '../core/errors.ts';

/** An agent as the seed writes it. Members that are not named here are not read. */
export interface AgentInput {
  /** What workflows route to. */
  readonly id: string;
  readonly name?: string;
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
  readonly #expected = new Set<string>();

  /** Resolves when the agent is connected. Throws AGENT_EXISTS for an id that this process has already. */
  async register(input: AgentInput, url: () => Promise<string>): Promise<void> {
    if (this.#running.has(input.id)) {
      throw new YardmasterError('AGENT_EXISTS', `Cannot register agent "${input.id}": this process has it already`, {
        meta: { status: 'ALREADY_EXISTS' },
        next: 'unregisterAgent first; replicas belong into processes of their own',
      });
    }
    const handlers = Object.entries(input.handlers ?? {});
    if (input.connectTo === undefined && handlers.length === 0) {
      this.#expected.add(input.id);
      return;
    }
    const running =
      input.connectTo === undefined ? await startAgent(input, await url()) : await input.connectTo(await url());
    this.#running.set(input.id, running);
    this.#expected.delete(input.id);
  }

  async unregister(agentId: string): Promise<void> {
    this.#expected.delete(agentId);
    const running = this.#running.get(agentId);
    this.#running.delete(agentId);
    await running?.[Symbol.asyncDispose]();
  }

  /** Expected agents that were never seen are shown as missing. */
  withExpected(agents: readonly AgentView[]): readonly AgentView[] {
    const seen = new Set(agents.map(({ agentId }) => agentId));
    const missing = [...this.#expected].filter((id) => !seen.has(id)).map(missingAgent);
    return missing.length === 0 ? agents : [...agents, ...missing].sort((a, b) => (a.agentId < b.agentId ? -1 : 1));
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
  return { agentId, status: 'MISSING', instances: [], events: [] };
}
