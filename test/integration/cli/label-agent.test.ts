/** `yardmaster agents label` against a real control plane in virtual time. */
import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import { runCommand } from '../../unit/cli/capture.ts';

const label = (mesh: TestMesh, ...args: readonly string[]) => {
  // The command closes its client; that of the mesh stays open.
  mesh.orchestrator.close = async () => undefined;
  return runCommand(['agents', 'label', ...args], { connect: () => mesh.orchestrator });
};

test('everything that is wrong with the changes is said at once, and nothing is changed', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1);
  await mesh.settle();
  const { code, err } = await label(mesh, 'worker', 'region', '=eu', 'gpu=none', 'gpu-', 'tier=1');
  expect(code).toBe(2);
  expect(err).toContain('cannot read "region": it is not like key=value, nor like key-');
  expect(err).toContain('cannot read "=eu"');
  expect(err).toContain('cannot both set and take away the label "gpu"');
  expect((await label(mesh, 'worker', 'tier-')).err).toContain('nothing changed');
  await expect(mesh.orchestrator.labelAgent('worker', { labels: { '': 'x' } })).rejects.toThrow('a key has 1 to 256');
});
