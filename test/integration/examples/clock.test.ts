import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import { callsOf, registerExample } from './example.ts';

test('nightly-report.yaml: a run each night at two in Berlin, one for a night of a short downtime', async () => {
  await using mesh = await TestMesh.start();
  const clerk = mesh.agent('clerk');
  clerk.setResponse('sum-orders', { total: 7 }).setResponse('send-mail', null);
  const name = await registerExample(mesh, 'nightly-report.yaml');
  await mesh.advance('2h');
  mesh.crash();
  await mesh.advance('36h');
  await mesh.restart();
  await mesh.advance('1d');
  const runs = (await mesh.orchestrator.listRuns({ workflow: name })).toReversed();
  expect(runs.map(({ labels, status }) => `${labels['scheduled-at']} ${status}`)).toEqual([
    '2026-01-01T01:00:00Z COMPLETED',
    '2026-01-02T01:00:00Z COMPLETED',
    '2026-01-03T01:00:00Z COMPLETED',
  ]);
  expect(callsOf(clerk).filter((call) => call.startsWith('send-mail'))).toEqual(
    runs.map(() => 'send-mail {"subject":"Orders in north","total":7}'),
  );
});
