/** `yardmaster agents card`: an agent in the words of the A2A protocol. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { capability } from '../../../src/core/capability.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { runCommand } from '../../unit/cli/capture.ts';

const any = { input: z.object({}), output: z.string() };
const old = capability('extract', { ...any, version: '1.2.0', description: 'Reads one table', idempotent: true });
const next = capability('extract', { ...any, version: '2.0.0', labels: { kind: 'fast', area: 'etl' } });
const clean = capability('clean', any);

async function started(): Promise<TestMesh> {
  const mesh = await TestMesh.start();
  // The command closes its client; that of the mesh stays open.
  mesh.orchestrator.close = async () => undefined;
  return mesh;
}

const card = (mesh: TestMesh, ...args: readonly string[]) =>
  runCommand(['agents', 'card', ...args], { connect: () => mesh.orchestrator });

test('a card has each capability in each version once, by name and newest first, and nothing that is not so', async () => {
  await using mesh = await started();
  mesh.agent('loader').setResponse(old, 'a').setResponse(clean, 'b');
  mesh.agent('loader').setResponse(next, 'c').setResponse(clean, 'b');
  mesh.agent('other').setResponse('elsewhere', 'd');
  await mesh.settle();
  const { code, out, err } = await card(mesh, 'loader');
  expect(code).toBe(0);
  expect(JSON.parse(out)).toEqual({
    name: 'loader',
    description: 'Offers clean, extract',
    supportedInterfaces: [],
    version: '2.0.0',
    capabilities: {},
    defaultInputModes: ['application/json'],
    defaultOutputModes: ['application/json'],
    skills: [
      { id: 'clean', name: 'clean', description: 'Does "clean"', tags: ['clean'] },
      {
        id: 'extract@2.0.0',
        name: 'extract',
        description: 'Does "extract"',
        tags: ['extract', 'area=etl', 'kind=fast'],
      },
      { id: 'extract@1.2.0', name: 'extract', description: 'Reads one table', tags: ['extract', 'idempotent'] },
    ],
  });
  expect(err).toContain('supportedInterfaces is empty without --gateway');
});

test('a gateway is what clients of the card call', async () => {
  await using mesh = await started();
  mesh.agent('loader').setResponse(clean, 'b');
  await mesh.settle();
  const { out, err } = await card(mesh, 'loader', '--gateway', 'https://a2a.example.com/loader');
  expect(JSON.parse(out)).toMatchObject({
    version: '0.0.0',
    supportedInterfaces: [
      { url: 'https://a2a.example.com/loader', protocolBinding: 'JSONRPC', protocolVersion: '1.0' },
    ],
  });
  expect(err).toBe('');
  const grpc = await card(mesh, 'loader', '--gateway', 'https://a2a.example.com', '--binding', 'GRPC', '-o', 'yaml');
  expect(grpc.out).toContain('protocolBinding: GRPC\n');
  expect(await card(mesh, 'loader', '--gateway', 'a2a.example.com')).toMatchObject({
    code: 2,
    err: expect.stringContaining('it is not a whole URL'),
  });
});

test('a gateway and a binding that no card can have are refused together', async () => {
  await using mesh = await started();
  mesh.agent('loader').setResponse(clean, 'b');
  await mesh.settle();
  const both = await card(mesh, 'loader', '--gateway', 'a2a.example.com', '--binding', 'SOAP');
  expect(both).toMatchObject({ code: 2, out: '' });
  expect(both.err).toContain('it is not a whole URL');
  expect(both.err).toContain('cannot read the binding "SOAP": it is not JSONRPC, GRPC, HTTP+JSON, nor a URI');
  expect(await card(mesh, 'loader', '--binding', 'GRPC')).toMatchObject({
    code: 2,
    err: expect.stringContaining('name it with --gateway'),
  });
  expect((await card(mesh, 'loader', '-o', 'yaml')).out).not.toContain('&');
});

test('an agent that nobody saw, or of which nothing is connected, has no card', async () => {
  await using mesh = await started();
  const loader = mesh.agent('loader').setResponse(clean, 'b');
  await mesh.settle();
  expect(await card(mesh, 'laoder')).toMatchObject({
    code: 3,
    out: '',
    err: expect.stringContaining('did you mean "loader"?'),
  });
  loader.crash();
  await mesh.advance('2m');
  expect(await card(mesh, 'loader')).toMatchObject({
    code: 3,
    out: '',
    err: expect.stringContaining('nothing of it is connected'),
  });
});
