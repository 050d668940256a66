/** A run that waits for a time and for an approval, over a real port and a real file, across restarts of the control plane. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Orchestrator } from '../../../src/client/index.ts';
import { type Server, startServer } from '../../../src/control-plane/main.ts';
import { runCommand } from '../../unit/cli/capture.ts';

const workflow = {
  name: 'Release',
  steps: [
    { id: 'cool-down', type: 'wait', for: '300ms' },
    {
      id: 'approve',
      type: 'signal',
      signal: 'approved',
      title: 'Release ${{ params.version }}?',
      answerers: ['ann'],
      timeout: '2d',
    },
    { id: 'confirm', type: 'signal', signal: 'confirmed' },
  ],
  output: { approved: '${{ steps.approve.output }}', confirmed: '${{ steps.confirm.output.payload }}' },
};

/** Moves on when the run has come so far. */
async function until(orchestrator: Orchestrator, runId: string, path: string): Promise<void> {
  for await (const event of orchestrator.watchRun(runId)) {
    if (event.type === 'stepWaiting' && event.step === path) return;
  }
}

test('an approval reaches its run after a restart of the control plane, once, and from its answerer only', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'yardmaster-signals-'));
  const serve = (port: number): Promise<Server> =>
    startServer({ port, store: { kind: 'sqlite', file: join(folder, 'yardmaster.db') } });
  let server = await serve(0);
  const { url, port } = server;
  const restart = async (): Promise<void> => {
    await server.stop();
    server = await serve(port);
  };
  const ann = new Orchestrator({ url, actor: 'ann' });
  const eve = new Orchestrator({ url, actor: 'eve' });
  const command = (line: string) =>
    runCommand(line.split(' '), { connect: () => new Orchestrator({ url, actor: 'ann' }) });
  try {
    await ann.registerWorkflow(workflow);
    const run = await ann.startWorkflow('Release', { version: '1.2' });
    await ann.signal(run.id, 'confirmed', 'early', { requestId: 'early' });
    await restart();
    await ann.ready();
    await until(ann, run.id, 'approve');

    const shown = await command(`runs get ${run.id}`);
    expect(shown.out).toContain('waits: signal approved from ann: Release 1.2? in 2d');
    expect(shown.out).toContain(`next: yardmaster runs signal ${run.id.slice(-4)} approved`);
    expect((await command(`runs explain ${run.id}`)).out).toContain('waits for signal "approved" from ann until');
    await expect(eve.signal(run.id, 'approved')).rejects.toMatchObject({ code: 'SIGNAL_NOT_ALLOWED' });
    await expect(ann.signal(run.id, 'aproved')).rejects.toMatchObject({
      code: 'SIGNAL_NOT_FOUND',
      message: expect.stringContaining('approved, confirmed; did you mean "approved"?'),
    });

    await restart();
    await ann.ready();
    const line = `runs signal ${run.id} approved --payload {"ok":true} --request-id once`;
    expect(await command(line)).toMatchObject({ code: 0, err: expect.stringContaining('has signal "approved"') });
    expect(await command(line)).toMatchObject({ code: 0, err: expect.stringContaining('already') });
    const result = await run.result();
    expect(result).toMatchObject({
      status: 'COMPLETED',
      output: { approved: { payload: { ok: true }, actor: 'ann', timedOut: false }, confirmed: 'early' },
    });
    expect((await command(`runs signal ${run.id} approved`)).code).toBe(5);
    const entries = await ann.listAudit({ action: 'run.signal' });
    expect(
      entries.map(({ actor, outcome, errorCode, details }) => [actor.name, details.signal, outcome, errorCode]),
    ).toEqual([
      ['ann', 'approved', 'REFUSED', 'RUN_OVER'],
      ['ann', 'approved', 'DONE', undefined],
      ['ann', 'aproved', 'REFUSED', 'SIGNAL_NOT_FOUND'],
      ['eve', 'approved', 'REFUSED', 'SIGNAL_NOT_ALLOWED'],
      ['ann', 'confirmed', 'DONE', undefined],
    ]);
  } finally {
    await Promise.all([ann.close(), eve.close()]);
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
