import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { type ConnectRouter, createRouterTransport } from '@connectrpc/connect';
import { expect, test } from 'vitest';
import { Orchestrator } from '../../../src/client/index.ts';
import { ActorProof } from '../../../src/gen/yardmaster/v1/actor_pb.ts';
import { type AuditEntrySchema, AuditOutcome, AuditSubjectKind } from '../../../src/gen/yardmaster/v1/audit_pb.ts';
import {
  AuditService,
  type ListAuditEntriesRequest,
  ListAuditEntriesResponseSchema,
} from '../../../src/gen/yardmaster/v1/audit_service_pb.ts';
import { type Ran, runCommand } from './capture.ts';

const NOW = Date.UTC(2026, 10, 24, 12, 0, 0);
const ENTRY: MessageInitShape<typeof AuditEntrySchema> = {
  entryId: '01k00000000000000000000001',
  time: timestampFromMs(NOW - 1_000),
  actor: { name: 'ada', proof: ActorProof.CLAIMED, userAgent: 'curl', address: '::1' },
  action: 'workflow.register',
  subject: { kind: AuditSubjectKind.WORKFLOW, name: 'Nightly' },
  namespace: 'default',
  workflow: 'Nightly',
  workflowVersion: 2,
  outcome: AuditOutcome.DONE,
};

/** Answers every list with these entries, and keeps what was asked. */
class FakeLog {
  readonly asked: ListAuditEntriesRequest[] = [];
  readonly entries: readonly MessageInitShape<typeof AuditEntrySchema>[];

  constructor(entries: readonly MessageInitShape<typeof AuditEntrySchema>[] = [ENTRY]) {
    this.entries = entries;
  }

  run(...args: readonly string[]): Promise<Ran> {
    const routes = (router: ConnectRouter): void => {
      router.service(AuditService, {
        listAuditEntries: (request) => {
          this.asked.push(request);
          return create(ListAuditEntriesResponseSchema, { entries: [...this.entries] });
        },
      });
    };
    const connect = (): Orchestrator => new Orchestrator({ transport: createRouterTransport(routes) });
    return runCommand(['audit', '--utc', ...args], { connect, now: () => NOW });
  }
}

test('audit prints a table', async () => {
  expect(await new FakeLog().run()).toEqual({
    code: 0,
    err: '',
    out: `TIME                  ACTOR  ACTION             OUTCOME  SUBJECT  WORKFLOW    NOTE
2026-11-24 11:59:59Z  ada    workflow.register  DONE     Nightly  Nightly v2  -
`,
  });
});

test('as JSON it is that of the proto, as jsonl one entry a line', async () => {
  const json = JSON.parse((await new FakeLog().run('-o', 'json')).out);
  const [entry] = json.entries;
  expect(entry).toMatchObject({ action: 'workflow.register', outcome: 'AUDIT_OUTCOME_DONE', actor: { name: 'ada' } });
  const { out } = await new FakeLog([ENTRY, ENTRY]).run('-o', 'jsonl');
  const lines = out.trim().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toEqual([entry, entry]);
});

test('asks for what the flags say; a duration is back from now', async () => {
  const log = new FakeLog();
  const flags = '--since 1h --until 2026-11-24T11:30:00Z --actor ada --action run.cancel --workflow Nightly --limit 7';
  await log.run(...flags.split(' '));
  const [asked] = log.asked;
  expect(asked).toMatchObject({ actor: 'ada', action: 'run.cancel', subject: 'Nightly', pageSize: 7 });
  const times = [asked?.since, asked?.until].map((time) => (time === undefined ? 0 : timestampMs(time) - NOW));
  expect(times).toEqual([-3_600_000, -1_800_000]);
});

test('asks about a run by its id', async () => {
  const log = new FakeLog();
  await log.run('--run', '01k0000000000000009c41e7b2');
  expect(log.asked[0]?.subject).toBe('01k0000000000000009c41e7b2');
});

test.each([
  ['--since', 'yesterday'],
  ['--since', '1'],
  ['--run', 'abcd', '--workflow', 'Nightly'],
])('refuses %s %s with exit code 2 and asks nothing', async (...args) => {
  const log = new FakeLog();
  expect(await log.run(...args)).toMatchObject({ code: 2, out: '' });
  expect(log.asked).toEqual([]);
});

test('says on stderr that nothing fits', async () => {
  const { code, out, err } = await new FakeLog([]).run();
  expect({ code, out }).toEqual({ code: 0, out: '' });
  expect(err).toContain('no entry fits');
});
