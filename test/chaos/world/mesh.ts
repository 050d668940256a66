/** A control plane on a file, agents with ledgers, and a client: each a process of its own or behind a wire of its own. */
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Orchestrator } from '../../../src/client/index.ts';
import { type Child, startChild } from '../child-process.ts';
import { type LedgerLine, readLedger } from '../ledger.ts';
import type { ChaosAgentSettings } from '../processes/chaos-agent.ts';
import type { ControlPlaneFigures, ControlPlaneSettings } from '../processes/control-plane.ts';
import { FaultProxy } from '../proxy/fault-proxy.ts';

export interface ControlPlaneReady {
  readonly url: string;
  readonly port: number;
  readonly recovered: { readonly leased: number };
}

export interface MeshOptions {
  readonly agents: number;
  readonly slots?: number;
  readonly settings?: ControlPlaneSettings;
}

export interface MeshAgent {
  readonly id: string;
  readonly wire: FaultProxy;
  readonly ledger: string;
  process: Child<{ readonly pid: number }>;
}

export class ChaosMesh implements AsyncDisposable {
  readonly folder: string;
  readonly port: number;
  readonly agents: MeshAgent[] = [];
  readonly clientWire: FaultProxy;
  /** Through `clientWire`. */
  readonly client: Orchestrator;
  controlPlane: Child<ControlPlaneReady>;
  /** Set to keep the folder with ledgers, log and database. */
  keep = false;
  private readonly options: MeshOptions;
  private readonly log: number;

  private constructor(
    options: MeshOptions,
    {
      folder,
      log,
      controlPlane,
      clientWire,
    }: Pick<ChaosMesh, 'folder' | 'controlPlane' | 'clientWire'> & { log: number },
  ) {
    this.options = options;
    this.folder = folder;
    this.log = log;
    this.controlPlane = controlPlane;
    this.port = controlPlane.ready.port;
    this.clientWire = clientWire;
    this.client = new Orchestrator({ url: clientWire.url });
  }

  static async start(options: MeshOptions): Promise<ChaosMesh> {
    const folder = await mkdtemp(join(tmpdir(), 'yardmaster-chaos-'));
    const log = openSync(join(folder, 'control-plane.log'), 'a');
    const controlPlane = await startControlPlane(folder, { port: 0, log, settings: options.settings });
    const clientWire = await FaultProxy.listen({ target: { port: controlPlane.ready.port } });
    const mesh = new ChaosMesh(options, { folder, log, controlPlane, clientWire });
    for (let i = 0; i < options.agents; i++) await mesh.addAgent();
    return mesh;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** On the same file and port. The one before must be gone. */
  async restartControlPlane(): Promise<void> {
    const { port, log, options } = this;
    this.controlPlane = await startControlPlane(this.folder, { port, log, settings: options.settings });
  }

  /** A new process of the agent. The one before must be gone. */
  async restartAgent(agent: MeshAgent): Promise<void> {
    agent.process = await this.startAgent(agent);
  }

  /** It need not be connected yet. */
  async addAgent(): Promise<MeshAgent> {
    const agent = await this.createAgent(this.agents.length);
    this.agents.push(agent);
    return agent;
  }

  /** Instances that may get work. */
  readyAgents(): Promise<number> {
    return this.metric('yardmaster_instances{state="READY"}');
  }

  /** A number of `/metrics`; NaN: there is none. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const line = text.split('\n').find((text) => text.startsWith(`${name} `));
    return line === undefined ? Number.NaN : Number(line.slice(name.length + 1));
  }

  figures(): Promise<ControlPlaneFigures> {
    return this.controlPlane.ask<ControlPlaneFigures>('figures');
  }

  ledger(): readonly LedgerLine[] {
    return this.agents.flatMap(({ ledger }) => readLedger(ledger)).sort((a, b) => a.t - b.t);
  }

  /** No process is frozen, no wire is bad. */
  heal(): void {
    for (const { wire, process } of this.agents) {
      wire.heal();
      process.thaw();
    }
    this.clientWire.heal();
    this.controlPlane.thaw();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
    await Promise.all([...this.agents.map((agent) => agent.process.kill()), this.controlPlane.kill()]);
    const wires = [this.clientWire, ...this.agents.map(({ wire }) => wire)];
    await Promise.all(wires.map((wire) => wire[Symbol.asyncDispose]()));
    closeSync(this.log);
    if (!this.keep) await rm(this.folder, { recursive: true, force: true });
  }

  private async createAgent(index: number): Promise<MeshAgent> {
    const id = `agent-${index}`;
    const wire = await FaultProxy.listen({ target: { port: this.port } });
    const agent = { id, wire, ledger: join(this.folder, `${id}.ledger`) };
    return { ...agent, process: await this.startAgent(agent) };
  }

  private startAgent({ id, wire, ledger }: Omit<MeshAgent, 'process'>): Promise<Child<{ pid: number }>> {
    const settings: ChaosAgentSettings = { id, ledger, slots: this.options.slots ?? 8 };
    return startChild('chaos-agent.ts', [wire.url, JSON.stringify(settings)]);
  }
}

interface ControlPlaneStart {
  readonly port: number;
  readonly log: number;
  readonly settings: ControlPlaneSettings | undefined;
}

function startControlPlane(
  folder: string,
  { port, log, settings = {} }: ControlPlaneStart,
): Promise<Child<ControlPlaneReady>> {
  const args = [join(folder, 'yardmaster.db'), String(port), JSON.stringify({ logs: true, ...settings })];
  return startChild('control-plane.ts', args, {}, { execArgv: ['--expose-gc'], stderr: log });
}
