import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Agent } from '../../src/agent-sdk/index.ts';
import { Orchestrator } from '../../src/client/index.ts';
import { type Server, startServer } from '../../src/control-plane/main.ts';

const run = promisify(execFile);
const workflow = {
  name: 'Greeting',
  steps: [{ id: 'greet', action: 'greet', parameters: { to: '${{ params.to }}' } }],
};

let server: Server;
let agent: Agent;
let address: string;

beforeAll(async () => {
  server = await startServer({ port: 0, store: { kind: 'memory' } });
  address = `127.0.0.1:${server.port}`;
  agent = new Agent({ id: 'greeter', slots: 2, url: server.url, inline: true });
  agent.handle<{ readonly to: string }>('greet', ({ to }) => ({ text: `hello ${to}` }));
  await agent.start();
  const client = new Orchestrator({ url: server.url });
  await client.registerWorkflow(workflow);
  await client.close();
});

afterAll(async () => {
  await agent.stop({ graceMs: 0 });
  await server.stop();
});

async function grpcurl(...args: readonly string[]): Promise<string> {
  const { stdout } = await run('grpcurl', ['-plaintext', ...args]);
  return stdout;
}

/** The answer of a unary call, as grpcurl prints it. */
async function call(method: string, request: unknown = {}): Promise<Record<string, unknown>> {
  return JSON.parse(await grpcurl('-d', JSON.stringify(request), address, method)) as Record<string, unknown>;
}

describe('grpcurl', () => {
  test('lists every service, health and reflection included', async () => {
    const services = (await grpcurl(address, 'list')).trim().split('\n');
    expect(services).toEqual(
      expect.arrayContaining([
        'grpc.health.v1.Health',
        'grpc.reflection.v1.ServerReflection',
        'yardmaster.v1.AgentService',
        'yardmaster.v1.AuditService',
        'yardmaster.v1.BlobService',
        'yardmaster.v1.FleetService',
        'yardmaster.v1.RunService',
        'yardmaster.v1.ScheduleService',
        'yardmaster.v1.WorkflowService',
      ]),
    );
    expect(services.join()).not.toContain('internal');
  });

  test('describes services and messages with their comments', async () => {
    const service = await grpcurl(address, 'describe', 'yardmaster.v1.RunService');
    expect(service).toContain('rpc StartRun (');
    expect(service).toMatch(/\/\/ .+/);
    const message = await grpcurl(address, 'describe', 'yardmaster.v1.Hello');
    expect(message).toContain('string agent_id = 1');
    expect(message).toMatch(/\/\/ .+/);
  });

  test('starts a run with plain JSON and reads its result', async () => {
    const started = await call('yardmaster.v1.RunService/StartRun', {
      workflow: 'Greeting',
      parameters: { to: 'Ada' },
    });
    const { run: ended } = await call('yardmaster.v1.RunService/GetRun', {
      runId: started.runId,
      wait: '10s',
      includeValues: true,
    });
    expect(ended).toMatchObject({
      status: 'RUN_STATUS_COMPLETED',
      steps: [{ path: 'greet', output: { value: { text: 'hello Ada' } } }],
    });
  });

  test('watches a run to its end', async () => {
    const started = await call('yardmaster.v1.RunService/StartRun', { workflow: 'Greeting', parameters: { to: 'Bo' } });
    const watched = await grpcurl(
      '-max-time',
      '10',
      '-d',
      JSON.stringify({ runId: started.runId }),
      address,
      'yardmaster.v1.RunService/WatchRun',
    );
    expect(watched).toContain('runStarted');
    expect(watched).toContain('attemptStarted');
    expect(watched).toContain('runEnded');
  });

  test('lists the fleet', async () => {
    const { agents } = await call('yardmaster.v1.FleetService/ListAgents');
    expect(agents).toMatchObject([{ agentId: 'greeter', status: 'AGENT_STATUS_READY' }]);
  });

  test('names who calls, and lists who did what', async () => {
    const cancel = JSON.stringify({ runId: 'nobody' });
    const method = 'yardmaster.v1.RunService/CancelRun';
    await grpcurl('-H', 'x-yardmaster-actor: ada', '-d', cancel, address, method).catch(() => '');
    const { entries } = await call('yardmaster.v1.AuditService/ListAuditEntries', { actor: 'ada' });
    expect(entries).toMatchObject([
      {
        actor: { name: 'ada', proof: 'ACTOR_PROOF_CLAIMED', address: '127.0.0.1' },
        action: 'run.cancel',
        subject: { kind: 'AUDIT_SUBJECT_KIND_RUN', name: 'nobody' },
        outcome: 'AUDIT_OUTCOME_REFUSED',
        errorCode: 'RUN_NOT_FOUND',
      },
    ]);
  });

  test('prints errors with readable details', async () => {
    const failed = await call('yardmaster.v1.WorkflowService/GetWorkflow', { name: 'Greting' }).then(
      () => '',
      (error: { stderr: string }) => error.stderr,
    );
    expect(failed).toContain('Code: NotFound');
    expect(failed).toContain('did you mean "Greeting"');
    expect(failed).toContain('WORKFLOW_NOT_FOUND');
  });

  test('poses as an agent by hand as far as Welcome', async () => {
    const hello = {
      hello: {
        agentId: 'by-hand',
        instanceId: 'hand-1',
        protocolVersion: 1,
        state: { revision: 1, slots: 1, capabilities: [{ name: 'x' }] },
      },
    };
    const child = spawn('grpcurl', ['-plaintext', '-d', '@', address, 'yardmaster.v1.AgentService/Session']);
    const exited = once(child, 'exit');
    const output = await new Promise<string>((resolve, reject) => {
      let text = '';
      child.stderr.on('data', (chunk: Buffer) => reject(new Error(`grpcurl says: ${chunk}`)));
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (text.includes('\n}\n')) resolve(text);
      });
      child.stdin.write(`${JSON.stringify(hello)}\n`);
    });
    child.stdin.end();
    await exited;
    expect(JSON.parse(output)).toMatchObject({ welcome: { protocolVersion: 1, beatInterval: '5s' } });
  });
});

/** What grpcurl prints, message by message, and a way to type. */
class Typed {
  readonly heard: Record<string, unknown>[] = [];
  readonly exited: Promise<unknown>;
  readonly #child: ChildProcessWithoutNullStreams;
  #text = '';
  #onMessage: () => void = () => {};

  constructor(method: string) {
    this.#child = spawn('grpcurl', ['-plaintext', '-d', '@', address, method]);
    this.exited = once(this.#child, 'exit');
    this.#child.stdout.on('data', (chunk: Buffer) => this.#read(chunk.toString()));
  }

  type(message: unknown): void {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  /** The first message that has `frame`; the test's own time limit ends the wait. */
  async hear(frame: string, has: (value: Record<string, unknown>) => boolean = () => true) {
    for (;;) {
      const values = this.heard.map((message) => message[frame] as Record<string, unknown> | undefined);
      const found = values.find((value) => value !== undefined && has(value));
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#onMessage = resolve;
      });
    }
  }

  end(): void {
    this.#child.stdin.end();
  }

  #read(chunk: string): void {
    this.#text += chunk;
    for (let end = this.#text.indexOf('\n}\n'); end >= 0; end = this.#text.indexOf('\n}\n')) {
      this.heard.push(JSON.parse(this.#text.slice(0, end + 2)) as Record<string, unknown>);
      this.#text = this.#text.slice(end + 3);
    }
    this.#onMessage();
  }
}

test('a person completes a step by hand, without beats and without acceptance', async () => {
  const client = new Orchestrator({ url: server.url });
  await client.registerWorkflow({ name: 'Sign', steps: [{ id: 'sign', action: 'sign' }] });
  const person = new Typed('yardmaster.v1.AgentService/Session');
  const state = { revision: 1, slots: 1, capabilities: [{ name: 'sign' }] };
  person.type({ hello: { agentId: 'by-hand', instanceId: 'ada-1', protocolVersion: 1, manual: true, state } });
  expect(await person.hear('welcome')).toMatchObject({ beatInterval: '0s', acceptDeadline: '0s' });
  const handle = await client.startWorkflow('Sign');
  const { assignments } = (await person.hear('dispatch', ({ assignments }) => assignments !== undefined)) as {
    assignments: readonly { readonly attemptId: string }[];
  };
  const attemptId = assignments[0]?.attemptId ?? '';
  person.type({ report: { results: [{ attemptId, completed: { output: { value: { by: 'Ada' } } } }] } });
  const results = [{ attemptId, verdict: 'RESULT_VERDICT_ACCEPTED' }];
  const hasResults = ({ acks }: Record<string, unknown>): boolean => JSON.stringify(acks ?? {}).includes('results');
  expect(await person.hear('dispatch', hasResults)).toMatchObject({ acks: { results } });
  expect((await handle.result()).steps[0]?.output).toEqual({ by: 'Ada' });
  person.type({ goodbye: { reason: 'lunch' } });
  person.end();
  await person.exited;
  await client.close();
});
