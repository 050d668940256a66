/** The client's own transport, over a real port. */
import { createClient } from '@connectrpc/connect';
import { expect, test } from 'vitest';
import { createGrpcTransport } from '../../../src/client/transport/grpc-transport.ts';
import { RunService } from '../../../src/gen/yardmaster/v1/run_service_pb.ts';
import { WorkflowService } from '../../../src/gen/yardmaster/v1/workflow_service_pb.ts';
import { Mesh } from './mesh.ts';

test('a call that was aborted before it was made is not sent', async () => {
  await using mesh = await Mesh.start();
  const transport = createGrpcTransport(mesh.rig.url, '');
  try {
    const workflows = createClient(WorkflowService, transport);
    const runs = createClient(RunService, transport);
    const steps = [{ id: 'a', block: { case: 'agent' as const, value: { action: 'a' } } }];
    await workflows.registerWorkflow({ definition: { case: 'workflow', value: { name: 'Once', steps } } });
    const aborted = runs.startRun({ workflow: 'Once' }, { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toThrow('aborted');
    const { runId } = await runs.startRun({ workflow: 'Once' });
    const { runs: started } = await runs.listRuns({});
    expect(started.map((run) => run.runId)).toEqual([runId]);
  } finally {
    transport.close();
  }
});
