import { describe, expect, test } from 'vitest';
import { renderAgent } from '../../../src/cli/render/details.ts';
import { errorJson, renderError } from '../../../src/cli/render/error.ts';
import { renderExplanation } from '../../../src/cli/render/explain.ts';
import { renderAgents, renderAudit, renderRuns } from '../../../src/cli/render/lists.ts';
import { renderFrame } from '../../../src/cli/render/progress-frame.ts';
import { renderChange, renderStill } from '../../../src/cli/render/progress-line.ts';
import { colourStyle, plainStyle } from '../../../src/cli/render/style.ts';
import { renderTimeline } from '../../../src/cli/render/timeline.ts';
import type { AgentView, StepExplanation } from '../../../src/client/index.ts';
import { YardmasterError } from '../../../src/core/errors.ts';
import { at, attempt, audit, failedRun, fleet, instance, openRun, run, START, step } from './fixtures.ts';

const list = { wide: false, style: plainStyle, nowMs: START, utc: true };
/** Golden texts start on a line of their own. */
const page = (text: string): string => `\n${text}\n`;

describe('runs get', () => {
  const options = { nowMs: START + 20_000, style: plainStyle, columns: 74, wide: false };

  test('draws one bar per attempt, with who had it and what became of it', () => {
    expect(page(renderTimeline(failedRun, options))).toBe(`
Nightly v3  9c41e7b2  FAILED 12.4s  load: UPSTREAM_DOWN, try 2, loader/aa21
            0s       4s       8s       12s
extract 1   =====                         db-extractor/7f3a
clean   1        =!                       cleaner/0b7d lost
clean   2          =======                cleaner/91c0 from its checkpoint
load    1                 ..==x           loader/c2d8
load    2                      ....===x   loader/aa21
report      skipped: load failed    (= ran  . waited  ! lost  x failed)
next: yardmaster runs retry e7b2   (goes on from the steps that failed)
      yardmaster runs get e7b2 -o yaml   (every error in full)
`);
  });

  test('draws what waits as dots up to now, and names the command that says why', () => {
    const steps = [step('load', { status: 'READY', waitReason: 'NO_AGENT', readyTime: at(5) })];
    expect(page(renderTimeline(run({ steps }), { ...options, nowMs: START + 10_000 }))).toBe(`
Nightly v3  9c41e7b2  RUNNING 10.0s
            0s            4s            8s
load                          .................  waits: no agent offers it
            (= ran  . waited  ! lost  x failed)
next: yardmaster runs explain e7b2
`);
  });

  test('says of a step that another branch ran', () => {
    const steps = [
      step('decide', { kind: 'CONDITION', status: 'RUNNING', readyTime: at(0) }),
      step('book', { status: 'SKIPPED', skipReason: 'BRANCH', endTime: at(0) }),
    ];
    expect(renderTimeline(run({ steps }), options)).toMatch(/^book +skipped: another branch ran/m);
  });

  test('draws the calls of a handler below its step, and names their runs', () => {
    const call = {
      step: 'quote',
      tryNumber: 1,
      key: 'rate',
      runId: '01kb9ffxk8r2tq4w9c41aa11',
      capability: 'bank.rate',
      agent: undefined,
      version: undefined,
      labels: {},
      status: 'COMPLETED',
      failureCode: undefined,
      createTime: at(1),
      endTime: at(4),
    } as const;
    const calls = [
      call,
      { ...call, key: 'risk', agent: 'desk', version: '^2', status: 'FAILED', failureCode: 'NO_DATA' },
      { ...call, key: 'limit', status: 'RUNNING', createTime: at(4), endTime: undefined },
      { ...call, key: 'wait', status: 'QUEUED', createTime: at(9), endTime: undefined },
    ] as const;
    const attempts = [attempt(1, 'trader/7f3a', { outcome: 'OPEN', startTime: at(0) })];
    const steps = [step('quote', { status: 'RUNNING', readyTime: at(0), attempts })];
    const shown = renderTimeline(run({ steps, calls, hasOlderCalls: true }), { ...options, nowMs: START + 10_000 });
    expect(page(shown)).toBe(`
Nightly v3  9c41e7b2  RUNNING 10.0s
                 0s      4s      8s
quote        1   ===================>  trader/7f3a
  call rate        ======              run 9c41aa11 of bank.rate
  call risk        =====x              run 9c41aa11 of bank.rate@^2 by desk failed: NO_DATA
  call limit             ===========>  run 9c41aa11 of bank.rate
  call wait                        =>  run 9c41aa11 of bank.rate queued
                 (= ran  . waited  ! lost  x failed)
older calls: yardmaster runs list --parent e7b2
next: yardmaster runs watch e7b2
`);
  });

  test('draws a child run as what runs, and names it', () => {
    const child = { runId: '01kb9ffxk8r2tq4w9c41aa11', workflow: 'Sub', version: 2 };
    const steps = [
      step('done', { kind: 'WORKFLOW', status: 'COMPLETED', readyTime: at(0), endTime: at(4), child }),
      step('bad', { kind: 'WORKFLOW', status: 'FAILED', readyTime: at(0), endTime: at(5), child }),
      step('open', { kind: 'WORKFLOW', status: 'WAITING', waitReason: 'CHILD', readyTime: at(5), child }),
      step('asks', { kind: 'WORKFLOW', status: 'WAITING', waitReason: 'CHILD', readyTime: at(9) }),
    ];
    const parent = { parentRunId: '01kb9ffxk8r2tq4w9c41bb22', parentStep: 'each/2/call' };
    const text = renderTimeline(run({ steps, ...parent }), { ...options, columns: 90, nowMs: START + 10_000 });
    expect(page(text)).toBe(`
Nightly v3  9c41e7b2  RUNNING 10.0s  child of 9c41bb22 each/2/call
            0s                 4s                 8s
done        ===================                              run 9c41aa11 of Sub v2
bad         =======================x                         run 9c41aa11 of Sub v2 failed
open                                ======================>  run 9c41aa11 of Sub v2
asks                                                  .....  waits: its run to start
            (= ran  . waited  ! lost  x failed)
next: yardmaster runs watch e7b2
`);
  });

  test('says which step is the fallback of which, what undoes what, and what failed beside the outcome', () => {
    const failure = (code: string, path: string) => {
      return {
        code,
        message: `because of ${path}`,
        details: undefined,
        step: path,
        attempt: 1,
        agent: undefined,
        instance: undefined,
      };
    };
    const ran = (agent: string, from: number, to: number, more = {}) =>
      attempt(1, agent, { startTime: at(from), endTime: at(to), ...more });
    const steps = [
      step('charge', {
        status: 'COMPLETED',
        usedFallback: true,
        attempts: [ran('bank/0b7d', 0, 2, { outcome: 'FAILED' })],
      }),
      step('invoice', { status: 'COMPLETED', fallbackOf: 'charge', attempts: [ran('mail/7f3a', 2, 4)] }),
      step('ship', { status: 'FAILED', attempts: [ran('dock/aa21', 4, 6, { outcome: 'FAILED' })] }),
      step('refund', {
        status: 'FAILED',
        compensates: 'charge',
        attempts: [ran('bank/0b7d', 6, 8, { outcome: 'FAILED' })],
      }),
      step('recall', { status: 'SKIPPED', skipReason: 'RUN_ENDING', compensates: 'mail' }),
    ];
    const cleanupErrors = [failure('BANK_DOWN', 'refund'), failure('NOT_COMPENSATED', 'mail')];
    const ended = run({ steps, cleanupErrors, status: 'FAILED', endTime: at(8), error: failure('NO_TRUCK', 'ship') });
    expect(page(renderTimeline(ended, { ...options, columns: 90 }))).toBe(`
Nightly v3  9c41e7b2  FAILED 8.0s  ship: NO_TRUCK, try 1
            0s                  4s                  8s
charge  1   =========x                                bank/0b7d, completed by its fallback
invoice 1             ==========                      mail/7f3a, fallback of charge
ship    1                       =========x            dock/aa21
refund  1                                 =========x  bank/0b7d, undoes charge
recall      skipped: the run was ending, undoes mail    (= ran  . waited  ! lost  x failed)
cleanup: refund: BANK_DOWN because of refund
cleanup: NOT_COMPENSATED because of mail
next: yardmaster runs retry e7b2   (goes on from the steps that failed)
      yardmaster runs get e7b2 -o yaml   (every error in full)
`);
  });

  test('draws a wait and a signal as dots, and names the command that sends the signal', () => {
    const steps = [
      step('cool', { kind: 'WAIT', status: 'COMPLETED', readyTime: at(0), endTime: at(4) }),
      step('late', { kind: 'SIGNAL', status: 'TIMED_OUT', readyTime: at(0), endTime: at(5) }),
      step('soon', { kind: 'WAIT', status: 'WAITING', waitReason: 'TIMER', readyTime: at(4), dueTime: at(70) }),
      step('ask', {
        kind: 'SIGNAL',
        status: 'WAITING',
        waitReason: 'SIGNAL',
        readyTime: at(5),
        signal: { name: 'go', title: 'Go on?', answerers: ['ann'], form: undefined },
      }),
      step('then', { kind: 'WAIT' }),
    ];
    const text = renderTimeline(run({ steps }), { ...options, columns: 90, nowMs: START + 10_000 });
    expect(page(text)).toBe(`
Nightly v3  9c41e7b2  RUNNING 10.0s
            0s               4s               8s
cool        .................                            waited
late        ......................x                      timed out
soon                         ..........................  waits: its time in 1m
ask                               .....................  waits: signal go from ann: Go on?
then        pending    (= ran  . waited  ! lost  x failed)
next: yardmaster runs signal e7b2 go
`);
  });

  test('says of a step that waits for its next try which one that is, and when it is due', () => {
    const attempt = {
      number: 1,
      tryNumber: 1,
      agent: 'cleaner',
      instance: 'i',
      outcome: 'FAILED',
      error: undefined,
    } as const;
    const waiting = step('clean', {
      status: 'WAITING',
      waitReason: 'BACKOFF',
      readyTime: at(1),
      dueTime: at(24),
      nextTry: { number: 2, of: 3 },
      attempts: [{ ...attempt, startTime: at(2), endTime: at(3), resumed: false }],
    });
    const drawn = renderTimeline(run({ steps: [waiting] }), { ...options, nowMs: START + 20_000 });
    expect(drawn).toContain('waits: try 2 of 3 in 4s');
  });

  test('draws a map in one line, with how far its items are and those that run below', () => {
    const items = { total: 10_000, started: 52, ended: 42, failed: 3 };
    const steps = [
      step('each', { kind: 'MAP', status: 'RUNNING', readyTime: at(2), items }),
      step('each/42/resize', {
        status: 'RUNNING',
        readyTime: at(4),
        attempts: [attempt(1, 'resizer/7f3a', { startTime: at(5), outcome: 'OPEN' })],
      }),
      step('more', { kind: 'MAP' }),
    ];
    const text = renderTimeline(run({ steps }), { ...options, columns: 90, nowMs: START + 10_000 });
    expect(page(text)).toBe(`
Nightly v3  9c41e7b2  RUNNING 10.0s
                   0s              4s               8s
each                       ================================>  42 of 10,000 items, 3 failed
each/42/resize 1                   .....===================>  resizer/7f3a
more               pending    (= ran  . waited  ! lost  x failed)
next: yardmaster runs watch e7b2
`);
  });

  test('folds what simply ran when there are hundreds of attempts', () => {
    const steps = Array.from({ length: 300 }, (_, i) =>
      step(`s${i}`, { status: 'COMPLETED', attempts: [attempt(1, 'a/1', { startTime: at(0), endTime: at(1) })] }),
    );
    const lost = step('hit', {
      status: 'RUNNING',
      attempts: [attempt(1, 'a/2', { startTime: at(0), endTime: at(1), outcome: 'LOST' })],
    });
    const text = renderTimeline(run({ steps: [...steps, lost] }), options);
    expect(text.split('\n')).toHaveLength(6);
    expect(text).toContain('and 300 attempts that completed');
    expect(renderTimeline(run({ steps: [...steps, lost] }), { ...options, wide: true }).split('\n')).toHaveLength(305);
  });

  test('shows a short attempt in a long run', () => {
    const steps = [step('a', { attempts: [attempt(1, 'a/1', { startTime: at(1), endTime: at(1.001) })] })];
    const text = renderTimeline(run({ status: 'COMPLETED', endTime: at(3_600), steps }), options);
    expect(text.split('\n')[2]).toMatch(/=/);
  });
});

describe('progress on a terminal', () => {
  const options = {
    nowMs: START + 7_000,
    style: plainStyle,
    columns: 80,
    rows: 24,
    etaMs: 4_000,
    dependencies: new Map([['report', ['load']]]),
    reasons: new Map([['load', '2 of 2 load slots busy, ~3s']]),
  };

  test('folds what is done, and says who has what, and why the rest waits', () => {
    expect(page(renderFrame(openRun, options).join('\n'))).toBe(`
Nightly v3  9c41e7b2  RUNNING 0:07  3/6  ETA 4s
 ok 3 steps
 >> clean   5.1s  cleaner/91c0  62% 12,400 rows  attempt 2 (1: agent lost)
 .. load    waits: 2 of 2 load slots busy, ~3s
    report  after load
`);
  });

  test('tells of a map how far its items are', () => {
    const items = { total: 10_000, started: 52, ended: 42, failed: 0 };
    const steps = [
      step('find', { status: 'COMPLETED' }),
      step('each', { kind: 'MAP', status: 'RUNNING', readyTime: at(2), startTime: at(2), items }),
      step('last', { kind: 'MAP' }),
    ];
    expect(page(renderFrame(run({ steps, completedSteps: 1, totalSteps: 3 }), options).join('\n'))).toBe(`
Nightly v3  9c41e7b2  RUNNING 0:07  1/3  ETA 4s
 ok 1 step
 >> each  5.0s  42 of 10,000 items
    last
`);
  });

  test('is never taller or wider than the screen', () => {
    const steps = Array.from({ length: 500 }, (_, i) => step(`step-with-a-long-name-${i}`, { status: 'READY' }));
    const frame = renderFrame(run({ steps }), { ...options, rows: 10, columns: 30, reasons: new Map() });
    expect(frame).toHaveLength(9);
    expect(Math.max(...frame.map((line) => line.length))).toBeLessThan(30);
    expect(frame.at(-1)).toBe('    and 493 more steps');
  });

  test('lets no control character of an agent reach the terminal', () => {
    const steps = [step('a', { status: 'RUNNING', progress: 0.5, progressMessage: 'x\u001b[2J\u0007\ny' })];
    const text = renderFrame(run({ steps }), options).join('\n');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
    expect(text).toContain('50% x [2J y');
  });

  test('paints the status only where colour is wanted', () => {
    expect(renderFrame(openRun, { ...options, style: colourStyle })[0]).toContain('\u001b[36mRUNNING\u001b[0m');
  });
});

describe('progress in a pipe', () => {
  const base = { position: 1, runId: openRun.runId };
  const holder = { step: 'clean', attempt: 1, agent: 'cleaner', instance: '0000-0b7d' };

  test('says one line per change', () => {
    expect(
      renderChange(openRun, {
        ...base,
        ...holder,
        time: at(3),
        type: 'attemptUnreachable',
        reason: 'stream ended',
      }),
    ).toBe('12:00:03Z step=clean UNREACHABLE attempt=1 agent=cleaner/0b7d "stream ended"');
    expect(renderChange(openRun, { ...base, ...holder, time: at(33), type: 'attemptEnded', outcome: 'LOST' })).toBe(
      '12:00:33Z step=clean LOST attempt=1 agent=cleaner/0b7d',
    );
  });

  test('says which fallback runs and why, and what is being undone', () => {
    const error = { code: 'NO', message: 'card', details: undefined, step: 'charge', attempt: 1 };
    const failure = { ...error, agent: undefined, instance: undefined };
    const of = { ...base, time: at(1) };
    expect(
      renderChange(openRun, {
        ...of,
        type: 'stepFellBack',
        step: 'charge',
        status: 'FAILED',
        fallback: 'bill',
        error: failure,
      }),
    ).toBe('12:00:01Z step=charge FALLBACK "bill runs: NO: card"');
    expect(
      renderChange(openRun, { ...of, type: 'retryScheduled', step: 'charge', tryNumber: 2, tries: 3, dueTime: at(5) }),
    ).toBe('12:00:01Z step=charge WAITING "try 2 of 3 at 12:00:05Z"');
    const ready = { ...of, type: 'stepReady', kind: 'AGENT', action: 'x', items: 0, keptItems: 0 } as const;
    expect(
      renderChange(openRun, { ...ready, step: 'bill', fallbackOf: 'charge', compensates: undefined }),
    ).toBeUndefined();
    expect(renderChange(openRun, { ...ready, step: 'undo', fallbackOf: undefined, compensates: 'charge' })).toBe(
      '12:00:01Z step=undo COMPENSATING "undoes charge"',
    );
    const ended = { skipReason: 'NONE', skippedBecauseOf: undefined, takenOver: false, usedFallback: true } as const;
    expect(
      renderChange(openRun, {
        ...of,
        ...ended,
        type: 'stepEnded',
        step: 'charge',
        status: 'COMPLETED',
        error: failure,
      }),
    ).toBe('12:00:01Z step=charge COMPLETED "by its fallback"');
  });

  test('says at the end what failed beside the outcome', () => {
    const failure = { details: undefined, step: 'undo', attempt: 1, agent: undefined, instance: undefined };
    const cleanupErrors = [
      { ...failure, code: 'BANK_DOWN', message: 'try later' },
      { ...failure, code: 'NOT_COMPENSATED', message: '"mail" was not compensated' },
    ];
    const error = { ...failure, code: 'NO', message: 'no truck' };
    const ended = { ...base, time: at(9), type: 'runEnded', status: 'FAILED', unconsumedSignals: 0 } as const;
    expect(renderChange(openRun, { ...ended, error, cleanupErrors })).toBe(
      '12:00:09Z run=9c41e7b2 FAILED 3/6 "NO: no truck; cleanup: BANK_DOWN: try later; 1 more in cleanup"',
    );
  });

  test('keeps what a message says on its line', () => {
    const error = { code: 'X', message: 'one\ntwo "three"', details: undefined, step: 'clean' };
    const line = renderChange(openRun, {
      ...base,
      time: at(1),
      type: 'stepEnded',
      step: 'clean',
      status: 'FAILED',
      skipReason: 'NONE',
      skippedBecauseOf: undefined,
      takenOver: false,
      usedFallback: false,
      error: { ...error, attempt: 1, agent: undefined, instance: undefined },
    });
    expect(line).toBe('12:00:01Z step=clean FAILED "X: one two \\"three\\""');
  });

  test('tells a map by its tenths, and its items not one by one', () => {
    const mapAt = (ended: number, failed = 0) =>
      run({
        steps: [step('each', { kind: 'MAP', status: 'RUNNING', items: { total: 200, started: 200, ended, failed } })],
      });
    const ending = (ended: number) =>
      renderChange(mapAt(ended, 2), {
        ...base,
        time: at(1),
        type: 'bodyEnded',
        step: 'each',
        number: ended,
        dueTime: undefined,
        status: 'COMPLETED',
      });
    expect(Array.from({ length: 200 }, (_, i) => ending(i + 1)).filter((line) => line !== undefined)).toEqual(
      [20, 40, 60, 80, 100, 120, 140, 160, 180].map((n) => `12:00:01Z step=each RUNNING "${n} of 200 items, 2 failed"`),
    );
    const inside = { ...holder, step: 'each/7/work' };
    expect(renderChange(mapAt(3), { ...base, ...inside, time: at(1), type: 'attemptEnded', outcome: 'LOST' })).toBe(
      undefined,
    );
    const failing = (failed: number) =>
      renderChange(mapAt(3, failed), {
        ...base,
        ...inside,
        time: at(1),
        type: 'stepEnded',
        status: 'FAILED',
        skipReason: 'NONE',
        skippedBecauseOf: undefined,
        takenOver: false,
        usedFallback: false,
        error: { code: 'X', message: 'blurred', details: undefined, ...inside },
      });
    expect([failing(0), failing(1)]).toEqual([
      '12:00:01Z step=each/7/work FAILED attempt=1 agent=cleaner/0b7d "X: blurred"',
      undefined,
    ]);
    expect(renderStill(mapAt(60, 1), START + 33_000)).toBe(
      '12:00:33Z run=9c41e7b2 still RUNNING 0/0 each 60 of 200 items, 1 failed',
    );
    const over = {
      status: 'COMPLETED',
      skipReason: 'NONE',
      skippedBecauseOf: undefined,
      takenOver: false,
      usedFallback: false,
    } as const;
    expect(renderChange(mapAt(200), { ...base, time: at(2), type: 'stepEnded', step: 'each', ...over })).toBe(
      '12:00:02Z step=each COMPLETED "200 of 200 items"',
    );
  });

  test('says after a silence that the run is still open', () => {
    expect(renderStill(openRun, START + 33_000)).toBe('12:00:33Z run=9c41e7b2 still RUNNING 3/6 clean 62%');
  });
});

describe('runs explain', () => {
  const explanation: StepExplanation = {
    path: 'load',
    status: 'READY',
    waitReason: 'NO_SLOT',
    action: 'load',
    version: '^2.0',
    agentId: '',
    labels: { region: 'eu' },
    waitingSince: at(-41),
    summary: '0 of 5 can take it',
    ahead: 3,
    signal: undefined,
    dueTime: undefined,
    next: 'wait, or more slots on loader',
    candidates: (
      [
        ['aa21', 'BUSY', '2 of 2 slots, next free ~3s', true],
        ['c2d8', 'STATE', 'draining by ops, 11:58', false],
        ['11f0', 'LABEL', 'region=us', false],
        ['77aa', 'VERSION', 'load@1.4.0', false],
        ['d903', 'EXCLUDED', 'failed attempt 1, until 12:01:10', false],
      ] as const
    ).map(([id, reason, text, firstChoice]) => ({
      agentId: 'loader',
      instanceId: `0000-${id}`,
      reason,
      text,
      firstChoice,
    })),
  };

  test('tells every instance and why it does not take the step', () => {
    expect(page(renderExplanation(explanation, { nowMs: START, style: plainStyle }))).toBe(`
load READY 41s, needs load ^2.0, region=eu: 0 of 5 can take it
  loader/aa21  busy      2 of 2 slots, next free ~3s   <- first choice
  loader/c2d8  draining  by ops, 11:58
  loader/11f0  label     region=us
  loader/77aa  version   load@1.4.0
  loader/d903  excluded  failed attempt 1, until 12:01:10
  and: 3 waiting steps of its kind go first
next: wait, or more slots on loader
`);
  });

  test('shows what may be sent with a signal, and an example to type', () => {
    const form = {
      type: 'object',
      properties: { approved: { type: 'boolean', description: 'go or not' }, note: { type: 'string' } },
      required: ['approved'],
    };
    const signal = { name: 'go', title: '', answerers: [], form };
    const asked = {
      path: 'approve',
      status: 'WAITING',
      waitReason: 'SIGNAL',
      summary: 'waits for signal "go"',
    } as const;
    const next = 'yardmaster runs signal 9c41e7b2 go --payload JSON';
    const more = { action: '', version: '', labels: {}, candidates: [], ahead: 0 };
    const text = renderExplanation(
      { ...explanation, ...asked, ...more, signal, next },
      { nowMs: START, style: plainStyle },
    );
    expect(page(text)).toBe(`
approve WAITING 41s: waits for signal "go"
it takes:
  approved  boolean  go or not
  note      string   optional
next: yardmaster runs signal 9c41e7b2 go --payload '{"approved":true}'
`);
  });
});

describe('lists', () => {
  test('agents: who is there, how busy, and who was', () => {
    expect(page(renderAgents(fleet, list))).toBe(`
AGENT         STATE  READY  SLOTS  LOAD  RTT  CAPABILITIES  SDK
db-extractor  READY  2/2    6/8    0.71  2ms  extract@1.2   node 1.0
echo          LOST   0/1    -      -     -    echo          python, seen 4m ago
`);
  });

  test('one agent: instances, attempts, and events that do not expire', () => {
    const agent: AgentView = {
      ...(fleet[0] as AgentView),
      instances: [
        {
          ...((fleet[0] as AgentView).instances[0] as AgentView['instances'][number]),
          attemptIds: [`${openRun.runId}/clean#2`],
        },
      ],
      events: [
        { time: at(3), instanceId: '0000-7f3a', kind: 'UNREACHABLE', message: 'stream ended without Goodbye' },
        { time: at(33), instanceId: '0000-7f3a', kind: 'LOST', message: '2 attempts moved to 91c0' },
      ],
    };
    expect(page(renderAgent(agent, list))).toBe(`
db-extractor  READY  1 instance
INSTANCE  STATE  SLOTS  LOAD  RTT  UP  PLACE   CAPABILITIES
7f3a      READY  3/4    0.71  2ms  1m  host-1  extract@1.2
7f3a has clean attempt 2 of run 9c41e7b2
12:00:03Z 7f3a UNREACHABLE stream ended without Goodbye
12:00:33Z 7f3a LOST 2 attempts moved to 91c0
`);
  });

  test('one agent: what operators said of its instances that are there', () => {
    const cordon = { actor: 'ops', time: at(3), reason: '', drain: true, addresses: [] };
    const agent: AgentView = {
      ...(fleet[0] as AgentView),
      status: 'CORDONED',
      instances: [
        instance('c2d8', { status: 'DRAINING', cordon }),
        instance('91c0', { status: 'CORDONED', cordon: { ...cordon, reason: 'new \u001b[2Jdisk', drain: false } }),
        instance('7f3a', { status: 'LOST', cordon }),
      ],
      events: [],
    };
    const said = page(renderAgent(agent, list)).split('\n');
    expect(said.filter((line) => line.includes(' by '))).toEqual([
      'c2d8 draining by ops, 12:00:03Z',
      '91c0 cordoned by ops, 12:00:03Z: new  [2Jdisk',
    ]);
  });

  test('runs: newest first, with what went wrong', () => {
    expect(page(renderRuns([openRun, failedRun], { ...list, nowMs: START + 20_000 }))).toBe(`
RUN       WORKFLOW    STATUS   STEPS  AGE  TOOK   ERROR
9c41e7b2  Nightly v3  RUNNING  3/6    20s  20.0s  -
9c41e7b2  Nightly v3  FAILED   4/4    20s  12.4s  load: UPSTREAM_DOWN
`);
  });

  test('wide has the labels, too', () => {
    const labelled = run({ labels: { team: 'data', env: 'prod' }, requestId: 'r-1' });
    const wide = { ...list, wide: true, nowMs: START + 20_000 };
    expect(page(renderRuns([labelled], wide))).toBe(`
RUN                         WORKFLOW    STATUS   STEPS  AGE  TOOK   CREATED               REQUEST  LABELS              ERROR
01k0000000000000009c41e7b2  Nightly v3  RUNNING  -      20s  20.0s  2026-11-24 12:00:00Z  r-1      env=prod,team=data  -
`);
  });
});

describe('errors', () => {
  const options = { style: plainStyle, verbose: false, texts: new Map<string, string>() };

  test('say the code, the act, the subject, the fact and the way out', () => {
    const error = new YardmasterError('STORE_OWNED', 'Cannot open "./yardmaster.db": it belongs to pid 812', {
      next: 'stop it',
    });
    expect(page(renderError(error, options))).toBe(`
error STORE_OWNED: cannot open "./yardmaster.db": it belongs to pid 812
  next: stop it
`);
    expect(errorJson(error)).toEqual({
      code: 'STORE_OWNED',
      message: 'Cannot open "./yardmaster.db": it belongs to pid 812',
      details: {},
      next: 'stop it',
    });
  });

  test('point into the text that was read', () => {
    const text = 'steps:\n  rows: ${{ steps.extrct.output.rows }}\n';
    const error = new YardmasterError('WORKFLOW_INVALID', 'Cannot read "nightly.yaml"', {
      problems: [
        {
          code: 'UNKNOWN_STEP',
          message: 'step "clean" reads a step that does not exist',
          place: { file: 'nightly.yaml', line: 2, column: 19, length: 6 },
        },
      ],
      next: 'fix line 2; yardmaster lint nightly.yaml shows every problem',
    });
    expect(page(renderError(error, { ...options, texts: new Map([['nightly.yaml', text]]) }))).toBe(`
error UNKNOWN_STEP: step "clean" reads a step that does not exist
  nightly.yaml:2:19
  2 |   rows: \${{ steps.extrct.output.rows }}
    |                   ^^^^^^
  next: fix line 2; yardmaster lint nightly.yaml shows every problem
`);
  });

  test('tell all problems at once', () => {
    const problems = ['CYCLE', 'DUPLICATE_ID'].map((code) => ({ code, message: `about ${code}` }));
    const error = new YardmasterError('WORKFLOW_INVALID', 'Cannot read "n.yaml": 2 problems', { problems });
    expect(page(renderError(error, options))).toBe(`
error CYCLE: about CYCLE
error DUPLICATE_ID: about DUPLICATE_ID
error WORKFLOW_INVALID: cannot read "n.yaml": 2 problems
`);
  });

  test('show the stack and the cause only under --verbose', () => {
    const error = new YardmasterError('INTERNAL', 'Cannot x', { cause: new Error('the cause') });
    expect(renderError(error, options)).not.toContain('at ');
    expect(renderError(error, { ...options, verbose: true })).toMatch(
      /render\.test\.ts[\s\S]*caused by Error: the cause/,
    );
  });
});

describe('audit', () => {
  test('tells who did what, when, and what became of it', () => {
    expect(page(renderAudit(audit, list))).toBe(`
TIME                  ACTOR      ACTION             OUTCOME  SUBJECT   WORKFLOW    NOTE
2026-11-24 12:00:09Z  ada        run.cancel         DONE     9c41e7b2  Nightly v3  reason: wrong table
2026-11-24 12:00:05Z  anonymous  run.start          REFUSED  Nigthly   Nigthly     WORKFLOW_NOT_FOUND
2026-11-24 12:00:00Z  anonymous  workflow.register  DONE     Nightly   Nightly v3  -
`);
  });

  test('in the wide form also from where, with what, and whole ids and notes', () => {
    const [cancel, start] = renderAudit(audit, { ...list, wide: true })
      .split('\n')
      .slice(1);
    expect(cancel).toMatch(/ 01k0000000000000009c41e7b2 .* 10\.0\.0\.7 +grpcurl\/1\.9 +- +reason: wrong table$/);
    expect(start).toMatch(/ orders-24 +WORKFLOW_NOT_FOUND Cannot find workflow "Nigthly"; did you mean "Nightly"\?$/);
  });

  test('lets no control character of a caller reach the terminal', () => {
    const [first] = audit;
    if (first === undefined) throw new Error('no entry');
    const evil = { ...first, actor: { ...first.actor, name: 'a\u001b[2J' }, details: { reason: 'x\u0007\ny' } };
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not pass
    expect(renderAudit([evil], { ...list, wide: true })).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });
});
