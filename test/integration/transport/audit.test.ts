import { Metadata } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { Orchestrator } from '../../../src/client/index.ts';
import { limits } from '../../../src/core/limits.ts';
import { ActorProof } from '../../../src/gen/yardmaster/v1/actor_pb.ts';
import { AuditService } from '../../../src/gen/yardmaster/v1/audit_service_pb.ts';
import { RunService } from '../../../src/gen/yardmaster/v1/run_service_pb.ts';
import { Mesh } from './mesh.ts';
import { failureOf } from './rig.ts';

const { listAuditEntries } = AuditService.method;
const { cancelRun } = RunService.method;
const WORKFLOW = { name: 'Greeting', steps: [{ id: 'greet', action: 'greet', parameters: {} }] };

/** Calls as curl does, with plain JSON over HTTP/1.1. */
async function post(mesh: Mesh, method: string, body: unknown, headers: Record<string, string> = {}): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${mesh.rig.port}/yardmaster.v1.${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return response.json();
}

function metadataOf(actor: string): Metadata {
  const metadata = new Metadata();
  metadata.set('x-yardmaster-actor', actor);
  return metadata;
}

describe('the audit log over the network', () => {
  it('knows the actor, the program and the address of a gRPC call', async () => {
    await using mesh = await Mesh.start();
    await using client = new Orchestrator({ url: `http://127.0.0.1:${mesh.rig.port}`, actor: 'ada@example.org' });
    await client.registerWorkflow(WORKFLOW);
    const run = await client.startWorkflow('Greeting');
    await client.cancelRun(run.id);
    const { entries } = await mesh.rig.unary(listAuditEntries, { actor: 'ada@example.org' });
    expect(entries.map(({ action }) => action).sort()).toEqual(['run.cancel', 'run.start', 'workflow.register']);
    for (const { actor, namespace } of entries) {
      expect(namespace).toBe('default');
      expect(actor).toMatchObject({ name: 'ada@example.org', proof: ActorProof.CLAIMED, address: '127.0.0.1' });
      expect(actor?.userAgent).toMatch(/^grpc-node-js\//);
    }
    expect((await mesh.rig.unary(listAuditEntries, { actor: 'anonymous' })).entries).toEqual([]);
  });

  it('calls whoever says no name anonymous, also those who say that', async () => {
    await using mesh = await Mesh.start();
    await failureOf(mesh.rig.unary(cancelRun, { runId: 'nope' }));
    const asked = mesh.rig.client();
    await new Promise((resolve) => {
      const same = (bytes: Buffer): Buffer => bytes;
      const path = '/yardmaster.v1.RunService/CancelRun';
      asked.makeUnaryRequest(path, same, same, Buffer.alloc(0), metadataOf('anonymous'), resolve);
    });
    const { entries } = await mesh.rig.unary(listAuditEntries, { actor: 'anonymous' });
    expect(entries.map(({ actor }) => [actor?.name, actor?.proof])).toEqual([
      ['anonymous', ActorProof.NONE],
      ['anonymous', ActorProof.NONE],
    ]);
  });

  it('takes and gives plain JSON, refused calls included', async () => {
    await using mesh = await Mesh.start();
    const since = new Date().toISOString();
    const headers = { 'x-yardmaster-actor': ' ops\u00e9 ', 'user-agent': 'curl/8.9' };
    await post(mesh, 'RunService/CancelRun', { runId: 'nope', reason: 'late' }, headers);
    const answer = await post(mesh, 'AuditService/ListAuditEntries', { action: 'run.cancel', subject: 'nope', since });
    expect(answer).toEqual({
      entries: [
        {
          entryId: expect.stringMatching(/^[0-9a-z]{26}$/),
          time: expect.stringMatching(/^\d{4}-.*Z$/),
          actor: { name: 'ops?', proof: 'ACTOR_PROOF_CLAIMED', userAgent: 'curl/8.9', address: '127.0.0.1' },
          action: 'run.cancel',
          subject: { kind: 'AUDIT_SUBJECT_KIND_RUN', name: 'nope' },
          namespace: 'default',
          outcome: 'AUDIT_OUTCOME_REFUSED',
          errorCode: 'RUN_NOT_FOUND',
          details: { reason: 'late', message: 'Cannot find run "nope"' },
        },
      ],
    });
    expect(await post(mesh, 'AuditService/ListAuditEntries', { until: since })).toEqual({});
  });

  it('cuts names and texts from outside, and nothing that is as long as it may be', async () => {
    await using mesh = await Mesh.start();
    const name = 'a'.repeat(limits.auditNameCharsMax);
    const agent = 'b'.repeat(limits.userAgentCharsMax);
    const reason = 'c'.repeat(limits.auditDetailCharsMax);
    for (const more of ['', 'd']) {
      const headers = { 'x-yardmaster-actor': `${name}${more}`, 'user-agent': `${agent}${more}` };
      await post(mesh, 'RunService/CancelRun', { runId: 'nope', reason: `${reason}${more}` }, headers);
    }
    const { entries } = await mesh.rig.unary(listAuditEntries, {});
    const texts = entries.map(({ actor, details }) => [actor?.name, actor?.userAgent, details.reason]);
    const cut = (text: string): string => `${text.slice(1)}…`;
    expect(texts).toEqual([
      [cut(name), cut(agent), cut(reason)],
      [name, agent, reason],
    ]);
    await post(mesh, 'RunService/StartRun', { workflow: 'w'.repeat(500), requestId: 'q'.repeat(500) });
    const [entry] = (await mesh.rig.unary(listAuditEntries, {})).entries;
    expect(entry?.subject?.name).toHaveLength(limits.auditNameCharsMax);
    expect(entry?.requestId).toHaveLength(limits.auditNameCharsMax);
  });
});

it('a client whose actor cannot be sent says so', () => {
  expect(() => new Orchestrator({ actor: 'a\nb' })).toThrow('Cannot call in the name of that actor');
});
