import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, toJson } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createRouterTransport } from '@connectrpc/connect';
import { describe, expect, test } from 'vitest';
import { exitCodeOf, exitCodeOfRun } from '../../../src/cli/exit-codes.ts';
import { readParameters } from '../../../src/cli/parameters.ts';
import { Orchestrator, YardmasterError } from '../../../src/client/index.ts';
import { isYardmasterError } from '../../../src/core/errors.ts';
import { RunStatus } from '../../../src/gen/yardmaster/v1/run_pb.ts';
import { FakeMesh, RUN_ID, refusal } from '../client/fake-mesh.ts';
import { type Ran, runCommand, type Setting } from './capture.ts';

function yardmaster(mesh: FakeMesh, line: string, setting: Setting = {}): Promise<Ran> {
  const connect = (): Orchestrator => new Orchestrator({ transport: createRouterTransport(mesh.routes) });
  return runCommand(line.split(' '), { ...setting, connect, now: () => 6_000 });
}

function ended(status: RunStatus): FakeMesh {
  const mesh = new FakeMesh();
  mesh.finish(status);
  return mesh;
}

describe('lint', () => {
  test('looks in a folder at what has steps, and at a named file whatever it has', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'yardmaster-lint-'));
    const config = join(folder, 'yardmaster.yaml');
    await writeFile(config, 'port: 7420\n');
    const empty = await runCommand(['lint', folder]);
    expect(empty.code).toBe(2);
    expect(empty.err).toContain('with "steps" in it');
    await writeFile(join(folder, 'nightly.yaml'), 'name: Nightly\nsteps:\n  - id: load\n    action: load\n');
    const linted = await runCommand(['lint', folder]);
    expect(linted.err).toContain('in 1 file');
    expect((await runCommand(['lint', config])).code).toBe(1);
    await rm(folder, { recursive: true });
  });
});

describe('exit codes', () => {
  test('of a watched run say how it ended', async () => {
    const codes: number[] = [];
    for (const status of [RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.TIMED_OUT, RunStatus.CANCELLED]) {
      codes.push((await yardmaster(ended(status), `runs watch ${RUN_ID}`)).code);
    }
    expect(codes).toEqual([0, 1, 1, 7]);
    expect(exitCodeOfRun('RUNNING')).toBe(8);
  });

  test('follow the status of the error', () => {
    const codes = Object.entries({
      INVALID_ARGUMENT: 2,
      NOT_FOUND: 3,
      PERMISSION_DENIED: 4,
      FAILED_PRECONDITION: 5,
      ALREADY_EXISTS: 5,
      UNAVAILABLE: 6,
      INTERNAL: 70,
    });
    for (const [status, code] of codes) {
      expect(exitCodeOf(new YardmasterError('X', 'x', { meta: { status } })), status).toBe(code);
    }
    expect(exitCodeOf(new YardmasterError('NEVER_HEARD_OF', 'x'))).toBe(70);
  });

  test('are 2 for a line that cannot be read, 3 for what is not there, 6 for nobody there', async () => {
    expect(await yardmaster(new FakeMesh(), 'runs lst')).toMatchObject({ code: 2, out: '' });
    expect(await yardmaster(new FakeMesh(), 'runs get @nonsense')).toMatchObject({ code: 2 });
    expect(await yardmaster(new FakeMesh(), 'runs get @last')).toMatchObject({ code: 3 });
    const mesh = new FakeMesh();
    mesh.failures.push(new ConnectError('gone', Code.Unavailable));
    expect(await yardmaster(mesh, `runs get ${RUN_ID}`)).toMatchObject({ code: 6 });
  });

  test.each([
    ['runs retry @failed -p ok=true', 'yardmaster runs retry --help'],
    ['run serve --no-watch', 'yardmaster run --help'],
    ['runs lst', 'yardmaster runs --help'],
    ['nothing', 'yardmaster --help'],
  ])('%s leads to the page of the command that was called', async (line, help) => {
    const { code, err } = await yardmaster(new FakeMesh(), line);
    expect(code).toBe(2);
    expect(err).toMatch(new RegExp(`next: ${help}$`, 'm'));
  });

  test('are 2 for a value of an option that cannot be read', async () => {
    const ran = await yardmaster(new FakeMesh(), 'runs list --limit 0');
    expect(ran.code).toBe(2);
    expect(ran.err).toContain('"0"');
  });

  test('8 when the timeout passes, 130 for Ctrl-C, and the run goes on', async () => {
    const late = await yardmaster(new FakeMesh(), `runs watch ${RUN_ID} --timeout 30ms`);
    expect(late).toMatchObject({ code: 8, out: '' });
    expect(late.err).toContain('run 9c41e7b2 is still open after the timeout');
    const mesh = new FakeMesh();
    const stopped = await yardmaster(mesh, `runs watch ${RUN_ID}`, { interrupt: true });
    expect(stopped).toMatchObject({ code: 130, out: '' });
    expect(stopped.err).toContain('run 9c41e7b2 goes on. next: yardmaster runs watch e7b2');
    expect(mesh.calls).not.toContain('cancelRun');
  });
});

describe('versions', () => {
  test('--version of a command is that of a workflow; in front, and as -V, it asks for that of the program', async () => {
    const mesh = new FakeMesh();
    const got = await yardmaster(mesh, 'workflows get Nightly --version 2');
    expect(got).toMatchObject({ code: 0, out: expect.stringContaining('Nightly v3') });
    expect(mesh.calls).toEqual(['getWorkflow Nightly v2']);
    for (const line of ['--version', '-V'])
      expect(await yardmaster(mesh, line)).toMatchObject({ code: 0, out: '0.0.0\n' });
    expect((await yardmaster(mesh, 'workflows get Nightly --version two')).code).toBe(2);
  });
});

describe('errors', () => {
  test('explains a code, and names the nearest to one that there is not', async () => {
    const told = await runCommand(['errors', 'unknown_step']);
    expect(told).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^UNKNOWN_STEP: .+\n {2}gRPC status \w+, exit code \d+\n$/),
    });
    const near = await runCommand(['errors', 'UNKNWON_STEP']);
    expect(near).toMatchObject({ code: 3, out: '', err: expect.stringContaining('did you mean UNKNOWN_STEP?') });
    expect(near.err).toContain('next: yardmaster errors UNKNOWN_STEP');
  });
});

describe('runs signal', () => {
  test('sends what was typed, and says what to look at next', async () => {
    const mesh = new FakeMesh();
    const sent = await yardmaster(mesh, `runs signal ${RUN_ID} go --payload {"ok":[1,null]} --request-id r1`);
    expect(sent).toMatchObject({ code: 0, out: '', err: expect.stringContaining('next: yardmaster runs get e7b2') });
    expect(mesh.signals).toMatchObject([{ runId: RUN_ID, name: 'go', requestId: 'r1' }]);
    expect(toJson(ValueSchema, mesh.signals[0]?.payload ?? create(ValueSchema))).toEqual({ ok: [1, null] });
    expect((await yardmaster(mesh, `runs signal ${RUN_ID} go`)).code).toBe(0);
    expect(mesh.signals[1]?.payload).toBeUndefined();
    expect(JSON.parse((await yardmaster(mesh, `runs signal ${RUN_ID} go -o json`)).out)).toMatchObject({
      created: true,
    });
  });

  test('refuses a payload that is no JSON, and sends nothing', async () => {
    const mesh = new FakeMesh();
    expect(await yardmaster(mesh, `runs signal ${RUN_ID} go --payload yes`)).toMatchObject({ code: 2 });
    expect(mesh.signals).toEqual([]);
  });
});

describe('what goes where', () => {
  test('problems of a configuration are said once', async () => {
    const env = { YARDMASTER_LOSS_WINDOW: 'soon', YARDMASTER_LOG_LEVEL: 'loud' };
    const { code, err } = await runCommand(['serve'], { env });
    expect(code).toBe(2);
    expect(err.match(/soon|must be one of/g)).toHaveLength(2);
    expect(err).toContain('error CONFIG_INVALID: cannot read the configuration: 2 problems\n  next: ');
  });

  test('stdout is data, stderr is talk', async () => {
    const { code, out, err } = await yardmaster(ended(RunStatus.COMPLETED), `runs watch ${RUN_ID}`);
    expect(code).toBe(0);
    expect(out).toBe('"ok"\n');
    expect(err).toContain('Nightly v3  9c41e7b2  COMPLETED 4.0s');
  });

  test('an error under -o json is one object on stderr', async () => {
    const mesh = new FakeMesh();
    mesh.failures.push(refusal());
    const { code, out, err } = await yardmaster(mesh, `runs get ${RUN_ID} -o json`);
    expect({ code, out }).toEqual({ code: 3, out: '' });
    expect(JSON.parse(err)).toMatchObject({
      code: 'WORKFLOW_NOT_FOUND',
      details: { nearest: 'Nightly', problems: [{ code: 'UNKNOWN' }] },
      next: 'run Nightly',
    });
    expect(JSON.parse((await yardmaster(mesh, 'runs --json lst')).err)).toMatchObject({ code: 'USAGE' });
  });

  test('JSON is that of the proto', async () => {
    const { out } = await yardmaster(ended(RunStatus.FAILED), `runs get ${RUN_ID} --json`);
    expect(JSON.parse(out)).toMatchObject({ runId: RUN_ID, status: 'RUN_STATUS_FAILED', workflowVersion: 3 });
    expect((await yardmaster(ended(RunStatus.FAILED), `runs get ${RUN_ID} -o name`)).out).toBe(`${RUN_ID}\n`);
    expect((await yardmaster(ended(RunStatus.FAILED), `runs get ${RUN_ID} -o yaml`)).out).toContain(
      'status: RUN_STATUS_FAILED\n',
    );
  });

  test('watching as jsonl gives one event a line', async () => {
    const { out } = await yardmaster(ended(RunStatus.COMPLETED), `runs watch ${RUN_ID} -o jsonl`);
    const events = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events).toMatchObject([{ position: 1, runEnded: { status: 'RUN_STATUS_COMPLETED' } }]);
  });

  test('no colour in a pipe, with NO_COLOR, with TERM=dumb; colour on a terminal and on demand', async () => {
    const isColoured = async (line: string, setting: Setting): Promise<boolean> => {
      return (await yardmaster(ended(RunStatus.FAILED), line, setting)).out.includes('\u001b[');
    };
    const line = `runs get ${RUN_ID}`;
    expect(await isColoured(line, {})).toBe(false);
    expect(await isColoured(line, { isTty: true })).toBe(true);
    expect(await isColoured(line, { isTty: true, env: { NO_COLOR: '1' } })).toBe(false);
    expect(await isColoured(line, { isTty: true, env: { TERM: 'dumb' } })).toBe(false);
    expect(await isColoured(`${line} --color always`, { env: { NO_COLOR: '1' } })).toBe(true);
  });

  test('no motion where nobody looks on', async () => {
    const { err } = await yardmaster(ended(RunStatus.COMPLETED), `runs watch ${RUN_ID}`, { env: { TERM: 'dumb' } });
    expect(err).not.toContain('\u001b[');
  });
});

describe('-p key=value', () => {
  const schema = {
    type: 'object',
    properties: {
      table: { type: 'string' },
      limit: { type: 'integer' },
      ratio: { type: ['number', 'null'] },
      tags: { type: 'array' },
    },
    additionalProperties: false,
  };

  test('is typed by the schema of the workflow', () => {
    expect(readParameters(['table=007', 'limit=7', 'ratio=0.5', 'tags=[a, b]'], schema)).toEqual({
      table: '007',
      limit: 7,
      ratio: 0.5,
      tags: ['a', 'b'],
    });
    expect(() => readParameters(['limit=many'], schema)).toThrow('"many" is no integer');
    expect(() => readParameters(['tabel=x'], schema)).toThrow('did you mean "table"?');
  });

  test('says what the workflow needs and did not get', () => {
    expect(() => readParameters(['limit=1'], { ...schema, required: ['table', 'limit'] })).toThrow('needs "table"');
  });

  test('says everything that is wrong at once, and asks for nothing that was given wrongly', () => {
    const read = () =>
      readParameters(['limit=many', 'tabel=x', 'ratio=x', 'tags'], { ...schema, required: ['table', 'limit'] });
    expect(read).toThrow('Cannot read the parameters: 5 problems');
    let problems: readonly string[] = [];
    try {
      read();
    } catch (error) {
      if (isYardmasterError(error)) problems = error.problems.map(({ message }) => message);
    }
    expect(problems).toEqual([
      'cannot set the parameter "limit": "many" is no integer',
      'cannot set the parameter "tabel": the workflow does not have it; did you mean "table"?',
      'cannot set the parameter "ratio": "x" is no number or null',
      'cannot read the parameter "tags": it is not like key=value',
      'cannot start the run: the workflow needs "table"',
    ]);
  });

  test('asks for nothing that the schema has a default for', () => {
    const properties = { ...schema.properties, limit: { type: 'integer', default: 10 } };
    const required = ['table', 'limit'];
    expect(readParameters(['table=x'], { ...schema, properties, required })).toEqual({ table: 'x' });
    expect(() => readParameters([], { ...schema, properties, required })).toThrow('needs "table"');
  });

  test('is a YAML scalar without one, and keeps what follows the first "="', () => {
    expect(readParameters(['a=1', 'b=true', 'c=x=y', 'd=', 'e="1"'], undefined)).toEqual({
      a: 1,
      b: true,
      c: 'x=y',
      d: null,
      e: '1',
    });
    expect(() => readParameters(['novalue'], undefined)).toThrow('not like key=value');
  });

  test('makes a member of its own for every name', () => {
    const read = readParameters(['__proto__=1'], undefined);
    expect(Object.hasOwn(read, '__proto__')).toBe(true);
  });
});
