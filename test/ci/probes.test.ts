/** Every name of health, asked by the tool that probes use, without credentials. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Agent } from '../../src/agent-sdk/index.ts';
import { Orchestrator } from '../../src/client/index.ts';
import { type Server, startServer } from '../../src/control-plane/main.ts';

const run = promisify(execFile);
const { file: files } = fromBinary(FileDescriptorSetSchema, readFileSync('src/gen/reflection.binpb'));
const offered = files.flatMap((file) => file.service.map(({ name }) => `${file.package}.${name}`));
/** Exit codes of grpc-health-probe. */
const NO_ANSWER = 3;
const NOT_SERVING = 4;

let server: Server;
let agent: Agent;
let instance: string;

beforeAll(async () => {
  server = await startServer({ port: 0, store: { kind: 'memory' }, channelz: true });
  agent = new Agent({ id: 'greeter', slots: 1, url: server.url, inline: true });
  agent.handle('greet', () => ({}));
  await agent.start();
  const { instances } = await server.controlPlane.getAgent('default', 'greeter');
  instance = instances[0]?.instanceId ?? '';
});

afterAll(async () => {
  await agent.stop({ graceMs: 0 });
  await server.stop();
});

/** The exit code. */
function probe(name: string, ...flags: readonly string[]): Promise<number> {
  return run('grpc-health-probe', [`-addr=127.0.0.1:${server.port}`, `-service=${name}`, ...flags]).then(
    () => 0,
    (error: { readonly code: number }) => error.code,
  );
}

describe('grpc-health-probe', () => {
  test('is told that the control plane serves, as the probe of Kubernetes asks', async () => {
    expect(await probe('', '-user-agent=kube-probe/1.34')).toBe(0);
  });

  test.each(offered)('is told that %s serves', async (name) => {
    expect(await probe(name)).toBe(0);
  });

  test('knows agents, their instances and capabilities by name, and nobody else', async () => {
    const names = ['agent/greeter', `agent/greeter/${instance}`, 'capability/greet'];
    expect(await Promise.all(names.map((name) => probe(name)))).toEqual([0, 0, 0]);
    const others = ['agent/nobody', 'agent/greeter/nobody', 'capability/nothing', 'yardmaster.v1.NoService'];
    expect(await Promise.all(others.map((name) => probe(name)))).toEqual(others.map(() => NO_ANSWER));
  });

  test('is told when an agent is out of service, and when it is back', async () => {
    await using operator = new Orchestrator({ url: server.url });
    const names = ['agent/greeter', `agent/greeter/${instance}`, 'capability/greet'];
    const probeAll = (): Promise<number[]> => Promise.all(names.map((name) => probe(name)));
    await operator.cordonAgent('greeter');
    expect(await probeAll()).toEqual([NOT_SERVING, NOT_SERVING, NOT_SERVING]);
    expect(await probe('')).toBe(0);
    await operator.uncordonAgent('greeter');
    expect(await probeAll()).toEqual([0, 0, 0]);
  });
});
