/** The tools that the fleet has now, and when they change. */
import { setTimeout as delay } from 'node:timers/promises';
import { collectPages, type Orchestrator, toWorkflow, type WorkflowView } from '../client/index.ts';
import { watchAgents, watchWorkflows } from '../client/watch-lists.ts';
import { everything, type Only } from './only.ts';
import { type FleetTool, toolsOf } from './tools.ts';

/** Agents come in crowds. */
const CALM_MS = 200;

export class ToolList {
  readonly #mesh: Orchestrator;
  readonly #only: Only;
  readonly #stopped = new AbortController();
  readonly #listeners = new Set<() => void>();
  #shown: string | undefined;
  #looking: Promise<void> = Promise.resolve();
  #isLookDue = false;

  constructor(mesh: Orchestrator, only: Only = everything) {
    this.#mesh = mesh;
    this.#only = only;
  }

  /** Asked anew each time, so that nobody is shown what has left. */
  async read(): Promise<readonly FleetTool[]> {
    const [offers, workflows] = await Promise.all([this.#mesh.listCapabilities(), this.#workflows()]);
    return toolsOf(offers, workflows).filter(({ target }) => this.#only(target.name));
  }

  /** Calls `listener` when the tools are others than before. The answer takes it back. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Looks on until `close`, over cuts, too. */
  async watch(): Promise<void> {
    const { signal } = this.#stopped;
    await this.#look();
    for (const changes of [watchAgents(this.#mesh.api, signal), watchWorkflows(this.#mesh.api, signal)])
      void this.#follow(changes);
  }

  close(): void {
    this.#stopped.abort();
  }

  async #follow(changes: AsyncIterable<unknown>): Promise<void> {
    try {
      for await (const _ of changes) this.#lookSoon();
    } catch {
      // Closed, or the control plane is one that cannot be watched: whoever asks still sees what there is.
    }
  }

  /** One look for all that changes meanwhile. */
  #lookSoon(): void {
    if (this.#isLookDue) return;
    this.#isLookDue = true;
    this.#looking = this.#looking
      .then(() => delay(CALM_MS, undefined, { signal: this.#stopped.signal }))
      .then(() => {
        this.#isLookDue = false;
        return this.#look();
      })
      // A look that failed is made good by the next change: a cut ends with one.
      .catch(() => {
        this.#isLookDue = false;
      });
  }

  async #look(): Promise<void> {
    const tools = JSON.stringify((await this.read()).map(({ tool }) => tool));
    const isChange = this.#shown !== undefined && this.#shown !== tools;
    this.#shown = tools;
    if (isChange) for (const listener of this.#listeners) listener();
  }

  async #workflows(): Promise<readonly WorkflowView[]> {
    const messages = await collectPages(Number.POSITIVE_INFINITY, async (page) => {
      const { workflows, nextPageToken } = await this.#mesh.api.workflows.listWorkflows(page);
      return { items: workflows, nextPageToken };
    });
    return messages.map(toWorkflow);
  }
}
