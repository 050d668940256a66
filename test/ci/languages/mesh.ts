/** A control plane and agents, each a process of its own; they end with the test. */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { Orchestrator, type RunEvent, type WorkflowInput, type WorkflowResult } from '../../../src/client/index.ts';
import { root, start, waitForLine } from '../../docs/shell.ts';
import { commandsOf, folderOf, type Language } from './languages.ts';

/** Short, so that nobody waits half a minute for an agent that is lost. */
const TIMES = { YARDMASTER_BEAT_INTERVAL: '1s', YARDMASTER_LOSS_WINDOW: '5s' };

/** An agent's process. */
export interface Running {
  readonly language: Language;
  readonly instanceId: string;
  /** Without a word. Resolves when it is gone. */
  kill(): Promise<void>;
  /** Asks it to leave; answers its exit code. */
  terminate(): Promise<number | null>;
}

export interface Played {
  readonly result: WorkflowResult;
  readonly events: readonly RunEvent[];
  /** Starts and ends of attempts in order, such as `start count#1`. */
  readonly history: readonly string[];
  /** What a step wrote to a channel of its output. */
  readonly written: (step: string, channel: string) => Promise<string>;
}

export class Mesh implements AsyncDisposable {
  readonly #url: string;
  readonly #controlPlane: Process;
  readonly #client: Orchestrator;
  readonly #agents: Process[] = [];
  readonly #instances = new Set<string>();

  private constructor(url: string, controlPlane: Process) {
    this.#url = url;
    this.#controlPlane = controlPlane;
    this.#client = new Orchestrator({ url });
  }

  static async start(): Promise<Mesh> {
    const args = ['--conditions=source', join(root, 'src/cli/main.ts'), 'serve', '--port', '0', '--store', 'memory'];
    const child = start({ command: process.execPath, args, cwd: root, env: TIMES });
    const [, url = ''] = await waitForLine(child, /(http:\/\/127\.0\.0\.1:\d+)[\s\S]*\bready\b/);
    return new Mesh(url, new Process(child));
  }

  /** Resolves when the control plane has seen it. */
  async agent(language: Language, env: Readonly<Record<string, string>> = {}): Promise<Running> {
    const own = this.#start(language, env);
    const instanceId = await this.#newcomer(own);
    return { language, instanceId, kill: () => own.kill(), terminate: () => own.terminate() };
  }

  /** With an environment that it does not take; answers its exit code. */
  refused(language: Language, env: Readonly<Record<string, string>>): Promise<number | null> {
    return this.#start(language, env).exited;
  }

  /** Runs it to its end; `onEvent` is awaited before the next event is read. */
  async play(
    workflow: WorkflowInput,
    onEvent: (event: RunEvent) => Promise<unknown> = async () => {},
  ): Promise<Played> {
    const { workflow: registered } = await this.#client.registerWorkflow(workflow);
    const run = await this.#client.startWorkflow(registered.name, {});
    const events: RunEvent[] = [];
    for await (const event of run.events({ live: true })) {
      events.push(event);
      await onEvent(event);
    }
    const written = async (step: string, channel: string): Promise<string> => {
      let text = '';
      for await (const event of run.output(step, { channel })) {
        if (event.type === 'begun') text = '';
        if (event.type === 'chunk') text += String(event.data);
      }
      return text;
    };
    return { result: await run.result(), events, history: historyOf(events), written };
  }

  #start(language: Language, env: Readonly<Record<string, string>>): Process {
    // The agent takes the place of its shell, so that it hears the signals.
    const args = ['-c', `exec ${commandsOf(language).start}`];
    const cwd = folderOf(language);
    const own = new Process(start({ command: 'bash', args, cwd, env: { YARDMASTER_URL: this.#url, ...env } }));
    this.#agents.push(own);
    return own;
  }

  /** The next instance that was not here before. */
  async #newcomer(process: Process): Promise<string> {
    const over = new AbortController();
    void process.exited.then(() => over.abort());
    for await (const agents of this.#client.watchAgents(over.signal)) {
      const ids = agents.flatMap(({ instances }) => instances.map(({ instanceId }) => instanceId));
      const found = ids.find((id) => !this.#instances.has(id));
      if (found === undefined) continue;
      this.#instances.add(found);
      return found;
    }
    throw new Error(`the agent ended before it was seen:\n${process.printed}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close();
    await Promise.all([...this.#agents, this.#controlPlane].map((process) => process.kill()));
  }
}

class Process {
  readonly #child: ChildProcess;
  readonly exited: Promise<number | null>;
  printed = '';

  constructor(child: ChildProcess) {
    this.#child = child;
    this.exited = new Promise((resolve) => child.once('exit', resolve));
    const keep = (data: Buffer): void => {
      this.printed += data.toString();
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  terminate(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    return this.exited;
  }
}

function historyOf(events: readonly RunEvent[]): readonly string[] {
  return events.flatMap((event) => {
    if (event.type === 'attemptStarted') return [`start ${event.step}#${event.attempt}`];
    if (event.type === 'attemptEnded') return [`end ${event.step}#${event.attempt} ${event.outcome}`];
    return [];
  });
}
