/** The client's reader against a server that is cut off, and the command on top of it. */
import { Code, ConnectError, type ConnectRouter, createRouterTransport } from '@connectrpc/connect';
import { expect, test } from 'vitest';
import { Orchestrator, type OutputEvent, type WatchOutputOptions } from '../../../src/client/index.ts';
import { OutputLimit } from '../../../src/gen/yardmaster/v1/output_pb.ts';
import { RunService } from '../../../src/gen/yardmaster/v1/run_service_pb.ts';
import { StepStatus } from '../../../src/gen/yardmaster/v1/step_state_pb.ts';
import { runCommand, type Setting } from '../cli/capture.ts';
import { RUN_ID } from './fake-mesh.ts';

type Sent =
  | { readonly case: 'begun'; readonly value: { readonly attempt: number } }
  | ReturnType<typeof text>
  | { readonly case: 'cut'; readonly value: { readonly position: Position; readonly limit: OutputLimit } }
  | { readonly case: 'end'; readonly value: { readonly attempt: number; readonly status: StepStatus } };
type Position = { readonly attempt: number; readonly number: number };

function text(attempt: number, number: number, value: string) {
  const content = { case: 'text', value } as const;
  return { case: 'chunk', value: { position: { attempt, number }, channel: 'main', content } } as const;
}

/** Answers one call with each list; all but the last are cut off after it. */
class Server {
  readonly asked: string[] = [];
  readonly #answers: (readonly Sent[])[];

  constructor(...answers: (readonly Sent[])[]) {
    this.#answers = answers;
  }

  readonly routes = (router: ConnectRouter): void => {
    const server = this;
    router.service(RunService, {
      async *watchOutput({ runId, stepPath, channel, after, storedOnly }) {
        const position = after === undefined ? 'the beginning' : `${after.attempt}.${after.number}`;
        const flags = [channel, storedOnly ? 'stored' : undefined].filter((flag) => flag !== undefined);
        server.asked.push([runId.slice(-4), stepPath, position, ...flags].join(' '));
        const answer = server.#answers.shift() ?? [];
        for (const event of answer) yield { events: [{ event }] };
        if (server.#answers.length > 0) throw new ConnectError('the node is going away', Code.Unavailable);
      },
      getRun: ({ runId }) => ({ run: { runId } }),
    });
  };
}

async function read(server: Server, options: WatchOutputOptions = {}): Promise<OutputEvent[]> {
  const mesh = new Orchestrator({ transport: createRouterTransport(server.routes) });
  const events: OutputEvent[] = [];
  for await (const event of mesh.run(RUN_ID).output('write', options)) events.push(event);
  await mesh.close();
  return events;
}

const TAIL = RUN_ID.slice(-4);

test('goes on after the last chunk when the stream is cut, and after a beginning without one', async () => {
  const server = new Server(
    [{ case: 'begun', value: { attempt: 1 } }, text(1, 1, 'one')],
    [text(1, 2, 'two')],
    [{ case: 'begun', value: { attempt: 2 } }],
    [
      { case: 'cut', value: { position: { attempt: 2, number: 1 }, limit: OutputLimit.RUN } },
      { case: 'end', value: { attempt: 2, status: StepStatus.COMPLETED } },
    ],
  );
  expect(await read(server, { channel: 'main' })).toEqual([
    { type: 'begun', attempt: 1 },
    { type: 'chunk', attempt: 1, number: 1, channel: 'main', data: 'one' },
    { type: 'chunk', attempt: 1, number: 2, channel: 'main', data: 'two' },
    { type: 'begun', attempt: 2 },
    { type: 'cut', attempt: 2, number: 1, limit: 'RUN' },
    { type: 'end', attempt: 2, status: 'COMPLETED' },
  ]);
  expect(server.asked).toEqual([
    `${TAIL} write the beginning main`,
    `${TAIL} write 1.1 main`,
    `${TAIL} write 1.2 main`,
    `${TAIL} write 2.0 main`,
  ]);
});

function yardmaster(server: Server, line: string, setting: Setting = {}) {
  const connect = (): Orchestrator => new Orchestrator({ transport: createRouterTransport(server.routes) });
  return runCommand(line.split(' '), { ...setting, connect });
}

const WHOLE: readonly Sent[] = [
  { case: 'begun', value: { attempt: 1 } },
  text(1, 1, 'lost \n'),
  { case: 'begun', value: { attempt: 2 } },
  text(2, 1, 'red \u001b[31mline\n'),
  { case: 'end', value: { attempt: 2, status: StepStatus.COMPLETED } },
];

test('the command writes the output on stdout as it is, and what is about it on stderr', async () => {
  const server = new Server(WHOLE);
  const ran = await yardmaster(server, `runs output ${RUN_ID} write --follow --channel main`);
  expect(ran).toMatchObject({ code: 0, out: 'lost \nred \u001b[31mline\n' });
  expect(ran.err).toBe('attempt 2 begins: what came before is void\n');
  expect(server.asked).toEqual([`${TAIL} write the beginning main`]);
});

test('on a screen nothing of the output moves the cursor', async () => {
  const ran = await yardmaster(new Server(WHOLE), `runs output ${RUN_ID} write`, { isTty: true });
  expect(ran.out).toBe('lost \nred [31mline\n');
});

test('without --follow the command ends with what is stored, and says so when there is nothing', async () => {
  const server = new Server([{ case: 'end', value: { attempt: 0, status: StepStatus.UNSPECIFIED } }]);
  const ran = await yardmaster(server, `runs output ${RUN_ID} write`);
  expect(ran).toEqual({ code: 0, out: '', err: 'nothing was written yet\n' });
  expect(server.asked).toEqual([`${TAIL} write the beginning stored`]);
});

test('in JSON every event is a line', async () => {
  const ran = await yardmaster(new Server(WHOLE), `runs output ${RUN_ID} write -o jsonl`);
  const lines = ran.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines).toHaveLength(5);
  expect(lines[1]).toEqual({ chunk: { position: { attempt: 1, number: 1 }, channel: 'main', text: 'lost \n' } });
});
