/** The tools of a fleet, and when they change. */
import { setTimeout as delay } from 'node:timers/promises';
import { collectPages, type MeshApi, type Orchestrator, toWorkflow } from '../client/index.ts';
import { canonicalJson, type JsonValue } from '../core/json.ts';
import { type FleetTool, toolsOf } from './tools.ts';

/** Agents come in crowds. */
const CALM_MS = 200;
const RETRY_MS = 1_000;

export class Fleet {
  readonly #mesh: Orchestrator;
  readonly #api: MeshApi;
  readonly #stopped = new AbortController();
  readonly #listeners = new Set<() => void>();
  #shown = '';
  #isLooking = false;
  #isLookDue = false;

  constructor(mesh: Orchestrator, api: MeshApi) {
    this.#mesh = mesh;
    this.#api = api;
  }

  async tools(): Promise<readonly FleetTool[]> {
    const [offers, workflows] = await Promise.all([this.#mesh.listCapabilities(), this.#workflows()]);
    return toolsOf(offers, workflows);
  }

  /** Calls `listener` when the tools are others than before. The answer takes it back. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Looks on until `close`; a control plane that is away is looked for again. */
  async watch(): Promise<void> {
    this.#shown = canonicalJson(await this.#names());
    for (const watch of [this.#watchAgents, this.#watchWorkflows]) void this.#over(watch.bind(this));
  }

  close(): void {
    this.#stopped.abort();
  }

  async #over(watch: () => Promise<void>): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await watch().catch(() => {});
      await delay(RETRY_MS, undefined, { signal }).catch(() => {});
    }
  }

  async #watchAgents(): Promise<void> {
    for await (const _ of this.#mesh.watchAgents(this.#stopped.signal)) this.#look();
  }

  async #watchWorkflows(): Promise<void> {
    for await (const _ of this.#api.workflows.watchWorkflows({}, { signal: this.#stopped.signal })) this.#look();
  }

  #look(): void {
    this.#isLookDue = true;
    if (!this.#isLooking) void this.#compare();
  }

  async #compare(): Promise<void> {
    const { signal } = this.#stopped;
    this.#isLooking = true;
    try {
      while (this.#isLookDue) {
        await delay(CALM_MS, undefined, { signal });
        this.#isLookDue = false;
        const names = canonicalJson(await this.#names());
        if (names === this.#shown) continue;
        this.#shown = names;
        for (const listener of this.#listeners) listener();
      }
    } catch {
      // Away or closed: the watches begin again, and look.
    } finally {
      this.#isLooking = false;
    }
  }

  async #names(): Promise<JsonValue> {
    // Through text: a tool is plain JSON.
    return JSON.parse(JSON.stringify((await this.tools()).map(({ tool }) => tool)));
  }

  async #workflows() {
    const messages = await collectPages(Number.POSITIVE_INFINITY, async (page) => {
      const { workflows, nextPageToken } = await this.#api.workflows.listWorkflows(page);
      return { items: workflows, nextPageToken };
    });
    return messages.map(toWorkflow);
  }
}
