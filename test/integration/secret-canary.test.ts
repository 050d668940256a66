/**
 * A canary: an agent gives its secret back in every way that it has, and afterwards the value is in no byte that this product
 * wrote or answered.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Agent, type HandlerContext, StepError } from '../../src/agent-sdk/index.ts';
import { Orchestrator, type RunEvent, WorkflowBuilder } from '../../src/client/index.ts';
import { type Server, startServer } from '../../src/control-plane/main.ts';
import { createLogger } from '../../src/control-plane/telemetry/logger.ts';
import { PrometheusMetrics } from '../../src/control-plane/telemetry/metrics.ts';
import { givenSecrets } from '../../src/core/secret-provider.ts';

const CANARY = 'canary/+7f3a "9c?=é';
const base64 = Buffer.from(CANARY).toString('base64');
const url = encodeURIComponent(CANARY);
/** Long enough to be nothing else; the last characters of base64 carry what stands behind the value. */
const forms = [CANARY, JSON.stringify(CANARY).slice(1, -1), base64.slice(0, -2), url];

const folder = mkdtempSync(join(tmpdir(), 'canary-'));
const logged: string[] = [];
const seen: unknown[] = [];
const inputs: unknown[] = [];
let server: Server;
let client: Orchestrator;
let agent: Agent;

const echoes = { plain: CANARY, base64: `see ${base64}`, url: `https://x/?k=${url}`, [`key ${CANARY}`]: [CANARY] };

function tell(context: HandlerContext): void {
  const text = `${CANARY} ${base64} ${url}`;
  context.progress(0.5, text);
  context.log.warn(text, { plain: CANARY, base64, url, [CANARY]: 'key' });
  context.checkpoint({ at: 1, ...echoes });
}

const handlers = {
  give: (input: unknown, context: HandlerContext) => {
    inputs.push(input);
    tell(context);
    return { ...echoes, json: JSON.stringify({ input }) };
  },
  'give-much': (_input: unknown, context: HandlerContext) => {
    tell(context);
    return { ...echoes, long: `${'x'.repeat(2_000_000)}${CANARY}` };
  },
  fail: (_input: unknown, context: HandlerContext) => {
    tell(context);
    if (context.attempt.try === 1) throw new Error(`${'x'.repeat(4_080)} ${CANARY} was cut`);
    throw new StepError(`DENIED_${CANARY}`, `no access with ${CANARY}, ${base64}, ${url}`, { details: echoes });
  },
  // It was given none itself, and remembers one.
  later: () => echoes,
};

const workflow = new WorkflowBuilder('Canary')
  .secrets('CANARY')
  .step('give', { action: 'give', parameters: { key: 'secret:CANARY', header: "Bearer ${{ secret('CANARY') }}" } })
  .step('give-much', { action: 'give-much', parameters: { key: 'secret:CANARY' } })
  .step('fail', {
    action: 'fail',
    parameters: { key: 'secret:CANARY' },
    retry: { tries: 2, backoff: 0 },
    onFailure: 'continue',
  })
  .step('later', { action: 'later', parameters: { from: '${{ steps.give.output }}' } })
  .output({ give: '${{ steps.give.output }}', later: '${{ steps.later.output }}', error: '${{ steps.fail.error }}' })
  .build();

function filesHold(): readonly string[] {
  return readdirSync(folder).filter((file) => holds(readFileSync(join(folder, file))));
}

function holds(bytes: Buffer): boolean {
  return forms.some((form) => bytes.includes(form));
}

beforeAll(async () => {
  const destination = new Writable({
    write(chunk, _encoding, done) {
      logged.push(String(chunk));
      done();
    },
  });
  server = await startServer({
    port: 0,
    store: { kind: 'sqlite', file: join(folder, 'canary.db') },
    secrets: givenSecrets({ CANARY }),
    logger: createLogger({ level: 'debug', destination }),
    metrics: new PrometheusMetrics(),
  });
  client = new Orchestrator({ url: server.url });
  agent = new Agent({ id: 'canary', url: server.url, inline: true });
  for (const [name, handler] of Object.entries(handlers)) agent.handle(name, handler);
  await agent.start();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a canary', () => {
  test('reaches the agent, and nothing that is stored, logged, shown or answered', async () => {
    await client.registerWorkflow(workflow);
    const handle = await client.startWorkflow('Canary', { note: 'nothing' });
    const events: RunEvent[] = [];
    for await (const event of client.watchRun(handle.id, { live: true })) events.push(event);
    const result = await handle.result();
    expect(result.status).toBe('COMPLETED');
    expect(inputs).toEqual([{ key: CANARY, header: `Bearer ${CANARY}` }]);
    expect(new Set(events.map(({ type }) => type))).toContain('stepLogged');
    const run = await client.getRun(handle.id, { values: true });
    seen.push(
      result,
      events,
      run,
      await client.explainStep(handle.id, 'give').catch((error: unknown) => String(error)),
    );
    await client.ready();
    seen.push(
      await client.listRuns(),
      client.listAgents(),
      await client.fetchAgent('canary'),
      await client.listAudit(),
      await client.fetchWorkflow('Canary'),
    );
    for (const path of ['/metrics', '/']) seen.push(await (await fetch(`${server.url}${path}`)).text());
    expect(holds(Buffer.from(JSON.stringify(seen)))).toBe(false);
    // JSON of JSON hides quotes from the search above.
    expect(JSON.stringify(seen).includes('canary/+7f3a')).toBe(false);
    expect(JSON.stringify(run)).toContain('Bearer secret:CANARY');
    expect(result.output).toMatchObject({
      give: {
        plain: '[secret CANARY]',
        url: 'https://x/?k=[secret CANARY]',
        'key [secret CANARY]': ['[secret CANARY]'],
      },
      later: { plain: '[secret CANARY]' },
      error: { code: 'DENIED_[secret CANARY]' },
    });
    expect(filesHold()).toEqual([]);
  });

  test('is in no file and no line when all of it has stopped', async () => {
    await agent.stop();
    await client.close();
    await server.stop();
    expect(logged.length).toBeGreaterThan(0);
    expect(holds(Buffer.from(logged.join('\n')))).toBe(false);
    expect(readdirSync(folder)).toContain('canary.db');
    expect(filesHold()).toEqual([]);
  });
});
