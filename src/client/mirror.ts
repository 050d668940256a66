/**
 * The agents and the workflows, as the control plane last told them: what can be answered without a call. It owns two
 * watches, which begin with `start` and end with the signal.
 *
 * 1. Before it has both lists, it answers nothing but NOT_READY.
 * 2. What a call of this client brought about is in it once it was noted, though the watch tells it later.
 * 3. During a cut it answers what it last heard; what is told after the cut replaces everything.
 */
import { YardmasterError } from '../core/errors.ts';
import type { MeshApi } from './mesh-api.ts';
import { ToldList } from './told-list.ts';
import type { AgentView, WorkflowView } from './views.ts';
import { watchAgents, watchWorkflows } from './watch-lists.ts';

export class Mirror {
  readonly #api: MeshApi;
  readonly #signal: AbortSignal;
  readonly #agents = new ToldList<AgentView>(
    ({ agentId }) => agentId,
    (told, noted) => noted.instances.every(({ instanceId }) => hasInstance(told, instanceId)),
  );
  readonly #workflows = new ToldList<WorkflowView>(
    ({ name }) => name,
    (told, noted) => told.version >= noted.version,
  );
  #started: Promise<void> | undefined;
  /** Why a watch ended for good. */
  #failure: YardmasterError | undefined;

  constructor(api: MeshApi, signal: AbortSignal) {
    this.#api = api;
    this.#signal = signal;
  }

  /** Resolves when both lists are there; rejects with what ends a watch for good. */
  start(): Promise<void> {
    this.#started ??= this.#start();
    return this.#started;
  }

  get agents(): ToldList<AgentView> {
    return this.#read(this.#agents, 'agents');
  }

  get workflows(): ToldList<WorkflowView> {
    return this.#read(this.#workflows, 'workflows');
  }

  /** Also before the mirror was started: then it is forgotten, because the watch will begin with it. */
  noteWorkflow(workflow: WorkflowView): void {
    if (this.#started !== undefined) this.#workflows.note(workflow);
  }

  noteAgent(agent: AgentView): void {
    if (this.#started !== undefined) this.#agents.note(agent);
  }

  async #start(): Promise<void> {
    const agents = this.#follow(this.#agents, (onCut) => watchAgents(this.#api, this.#signal, onCut));
    const workflows = this.#follow(this.#workflows, (onCut) => watchWorkflows(this.#api, this.#signal, onCut));
    await Promise.all([agents, workflows]);
  }

  /** Resolves with the first list. */
  #follow<T>(list: ToldList<T>, watch: (onCut: () => void) => AsyncIterable<readonly T[]>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const read = async (): Promise<void> => {
      for await (const all of watch(() => list.forgetNotes())) {
        list.tell(all);
        resolve();
      }
      this.#signal.throwIfAborted();
    };
    read().catch((error: unknown) => {
      this.#failure = new YardmasterError('NOT_READY', 'Cannot answer: the watch of agents and workflows has ended', {
        cause: error,
        meta: { status: 'FAILED_PRECONDITION' },
        next: 'see the cause; make a new Orchestrator',
      });
      reject(error);
    });
    return promise;
  }

  #read<T>(list: ToldList<T>, what: string): ToldList<T> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#agents.isTold && this.#workflows.isTold) return list;
    throw new YardmasterError('NOT_READY', `Cannot answer with ${what}: they have not been read yet`, {
      meta: { status: 'FAILED_PRECONDITION' },
      next: 'await orchestrator.ready() first',
    });
  }
}

function hasInstance(agent: AgentView, id: string): boolean {
  return agent.instances.some(({ instanceId }) => instanceId === id);
}
