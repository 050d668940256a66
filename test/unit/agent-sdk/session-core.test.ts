import { describe, expect, test } from 'vitest';
import { ResultVerdict, StopReason } from '../../../src/gen/yardmaster/v1/dispatch_pb.ts';
import { GoAwayReason } from '../../../src/gen/yardmaster/v1/session_response_pb.ts';
import { attemptId, CoreDriver } from './core-driver.ts';

const a = attemptId('a');
const b = attemptId('b');

const helloOf = (driver: CoreDriver) => {
  const frame = driver.frames()[0];
  if (frame?.case !== 'hello') throw new Error(`the first frame is ${frame?.case}`);
  return frame.value;
};

describe('connecting', () => {
  test('says Hello first, and beats only after the Welcome', () => {
    const driver = new CoreDriver();
    driver.core.start(driver.now);
    driver.flush().advance(9_000);
    expect(driver.frames().map((frame) => frame.case)).toEqual(['hello']);
    driver.welcome().advance(5_500);
    expect(driver.frames().map((frame) => frame.case)).toEqual(['hello', 'beat']);
    expect(helloOf(driver)).toMatchObject({ agentId: 'worker', instanceId: 'i1', protocolVersion: 1, held: [] });
  });

  test('beats every interval, give or take a tenth, with growing numbers', () => {
    const driver = new CoreDriver().connect();
    for (let i = 0; i < 20; i++) driver.advance(5_000).ackBeat();
    const beats = driver.log.flatMap(({ at, action }) =>
      action.type === 'send' && action.frame.frame.case === 'beat'
        ? [{ at, number: action.frame.frame.value.number }]
        : [],
    );
    expect(beats.length).toBeGreaterThanOrEqual(18);
    beats.forEach((beat, i) => {
      expect(beat.number).toBe(i + 1);
      const gap = beat.at - (beats[i - 1]?.at ?? 1_000);
      expect(gap).toBeGreaterThanOrEqual(4_500);
      expect(gap).toBeLessThanOrEqual(5_500);
    });
  });

  test('leaves a stream that brings no Welcome within 10 s, and dials again', () => {
    const driver = new CoreDriver();
    driver.core.start(driver.now);
    driver.flush().advance(10_300);
    expect(driver.closed).toEqual([1]);
    expect(driver.opened).toEqual([1, 2]);
  });

  test('leaves a stream that is silent for the silence limit', () => {
    const driver = new CoreDriver().connect().advance(14_999);
    expect(driver.closed).toEqual([]);
    driver.advance(1);
    expect(driver.closed).toEqual([1]);
  });

  test('does not take its own standstill for silence', () => {
    const driver = new CoreDriver().connect().advance(100);
    driver.core.nextAt();
    driver.now += 60_000;
    driver.core.tick(driver.now);
    driver.flush();
    expect(driver.closed).toEqual([]);
  });

  test('dials for ever, with delays that stay below 10 s', () => {
    const driver = new CoreDriver();
    driver.core.start(driver.now);
    driver.flush();
    for (let i = 0; i < 200; i++) {
      driver.cut().advance(10_000);
      expect(driver.link).toBe(i + 2);
    }
  });

  test('the first delays stay below 0.2, 0.4 and 0.8 s', () => {
    for (let seed = 0; seed < 20; seed++) {
      const driver = new CoreDriver();
      driver.core.start(driver.now);
      driver.flush();
      for (const ceiling of [200, 400, 800]) {
        const before = driver.link;
        driver.cut().advance(ceiling);
        expect(driver.link).toBe(before + 1);
      }
    }
  });

  test.each(['BAD_TOKEN', 'AGENT_ID_NOT_ALLOWED', 'PROTOCOL_UNSUPPORTED'])('tries every 10 s after %s', (reason) => {
    const driver = new CoreDriver();
    driver.core.start(driver.now);
    driver.flush();
    for (let i = 1; i < 5; i++) {
      driver.core.linkEnded(driver.link, { code: 'FAILED_PRECONDITION', message: 'no', reason }, driver.now);
      driver.flush().advance(9_999);
      expect(driver.link).toBe(i);
      driver.advance(1);
      expect(driver.link).toBe(i + 1);
    }
  });

  test('waits as long as the control plane asks', () => {
    const driver = new CoreDriver();
    driver.core.start(driver.now);
    driver.flush();
    driver.core.linkEnded(1, { code: 'UNAVAILABLE', message: 'later', retryAfterMs: 3_000 }, driver.now);
    driver.flush().advance(2_999);
    expect(driver.link).toBe(1);
    driver.advance(201);
    expect(driver.link).toBe(2);
  });

  test('ignores frames of a stream that was replaced', () => {
    const driver = new CoreDriver().connect().cut().reconnect();
    const value = { $typeName: 'yardmaster.v1.GoAway', reason: GoAwayReason.REPLACED, addresses: [] } as never;
    driver.receive({ case: 'goAway', value }, 1);
    expect(driver.core.isEnded).toBe(false);
  });
});

describe('work', () => {
  test('starts an assignment, reports its acceptance and its result', () => {
    const driver = new CoreDriver().connect().assign(a);
    expect(driver.starts).toEqual([a]);
    driver.accept(a);
    expect(driver.updates()).toEqual([`${a} accepted`]);
    driver.complete(a);
    expect(driver.results()).toEqual([`${a} completed`]);
  });

  test('puts everything of one turn into one Report, and leaves out an acceptance that a result implies', () => {
    const driver = new CoreDriver().connect().assign(a).assign(b);
    driver.tell({ type: 'accepted', attemptId: a }).tell({ type: 'accepted', attemptId: b });
    driver.complete(a);
    const reports = driver.frames().filter((frame) => frame.case === 'report');
    expect(reports).toHaveLength(1);
    expect(driver.updates()).toEqual([`${b} accepted`]);
    expect(driver.results()).toEqual([`${a} completed`]);
  });

  test('does not start a repeated assignment again, and says again that it has it', () => {
    const driver = new CoreDriver().connect().assign(a).accept(a).assign(a);
    expect(driver.starts).toEqual([a]);
    expect(driver.updates()).toEqual([`${a} accepted`, `${a} accepted`]);
  });

  test('answers a repeated assignment of a finished attempt with its result', () => {
    const driver = new CoreDriver().connect().assign(a).complete(a).assign(a);
    expect(driver.starts).toEqual([a]);
    expect(driver.results()).toEqual([`${a} completed`, `${a} completed`]);
  });

  test('does not start a late copy of an assignment that is settled', () => {
    const driver = new CoreDriver().connect().assign(a).complete(a).ackResult(a).assign(a);
    expect(driver.starts).toEqual([a]);
    expect(driver.core.heldCount).toBe(0);
  });

  test.each([
    [
      'a capability it does not offer',
      'UNSUPPORTED',
      (driver: CoreDriver) => driver.assign(b, { capability: 'other' }),
    ],
    ['more than its slots', 'BUSY', (driver: CoreDriver) => driver.assign(b)],
  ])('rejects %s', (_name, reason, assign) => {
    const driver = new CoreDriver(1).connect().assign(a);
    assign(driver);
    expect(driver.starts).toEqual([a]);
    expect(driver.updates()).toEqual([`${b} rejected`]);
    const report = driver.frames().at(-1);
    const update = report?.case === 'report' ? report.value.updates[0]?.update : undefined;
    expect(update?.case === 'rejected' && update.value.message).toContain(reason === 'BUSY' ? 'slots' : 'other');
  });

  test('may start an attempt that it rejected before', () => {
    const driver = new CoreDriver(1).connect().assign(a).assign(b).complete(a).assign(b);
    expect(driver.starts).toEqual([a, b]);
  });

  test('keeps only the latest of several progresses, at most ten a second', () => {
    const driver = new CoreDriver().connect().assign(a);
    for (let i = 1; i <= 50; i++) {
      driver.tell({ type: 'progress', attemptId: a, fraction: i / 50, message: '' }).flush();
      driver.advance(20);
    }
    driver.advance(1_000);
    const fractions = driver
      .frames()
      .flatMap((frame) =>
        frame.case === 'report'
          ? frame.value.updates.flatMap(({ update }) => (update.case === 'progress' ? [update.value.fraction] : []))
          : [],
      );
    expect(fractions.length).toBeLessThanOrEqual(11);
    expect(fractions.at(-1)).toBe(1);
  });

  test('sends the first checkpoint at once and then one a second, the latest', () => {
    const driver = new CoreDriver().connect().assign(a);
    const checkpoint = (byte: number) =>
      driver.tell({ type: 'checkpoint', attemptId: a, value: Uint8Array.of(byte) }).flush();
    checkpoint(1);
    driver.advance(300);
    checkpoint(2);
    driver.advance(300);
    checkpoint(3);
    driver.advance(1_000);
    const sent = driver.log.flatMap(({ at, action }) => {
      if (action.type !== 'send' || action.frame.frame.case !== 'report') return [];
      return action.frame.frame.value.updates.flatMap(({ update }) =>
        update.case === 'checkpoint' ? [{ at: at - 1_000, byte: update.value.value[0] }] : [],
      );
    });
    expect(sent).toEqual([
      { at: 0, byte: 1 },
      { at: 1_000, byte: 3 },
    ]);
  });

  test('sends the last checkpoint before a failure, and none before a success', () => {
    const driver = new CoreDriver().connect().assign(a).assign(b);
    for (const id of [a, b]) {
      driver.tell({ type: 'checkpoint', attemptId: id, value: Uint8Array.of(1) }).flush();
      driver.tell({ type: 'checkpoint', attemptId: id, value: Uint8Array.of(2) });
    }
    driver.tell({ type: 'ended', attemptId: a, end: { type: 'failed', code: 'X', message: '' } });
    driver.complete(b);
    const last = driver.frames().at(-1);
    expect(last?.case === 'report' && last.value.updates.map((u) => `${u.attemptId} ${u.update.case}`)).toEqual([
      `${a} checkpoint`,
    ]);
  });

  test('drops log lines beyond the rate and says how many', () => {
    const driver = new CoreDriver().connect().assign(a);
    for (let i = 0; i < 150; i++) {
      driver.tell({ type: 'log', attemptId: a, level: 'info', message: `line ${i}`, fields: {} });
    }
    driver.complete(a);
    const lines = driver
      .frames()
      .flatMap((frame) =>
        frame.case === 'report'
          ? frame.value.updates.flatMap(({ update }) => (update.case === 'log' ? [update.value.message] : []))
          : [],
      );
    expect(lines).toHaveLength(101);
    expect(lines.at(-1)).toBe('50 log lines were dropped');
  });

  test('cuts reports near the soft limit of a frame', () => {
    const driver = new CoreDriver(100).connect();
    for (let i = 0; i < 20; i++) driver.assign(attemptId(`s${i}`));
    for (let i = 0; i < 20; i++) {
      const output = { kind: 'value', bytes: new Uint8Array(200 * 1024) } as const;
      driver.tell({ type: 'ended', attemptId: attemptId(`s${i}`), end: { type: 'completed', output } });
    }
    driver.flush();
    const reports = driver.frames().flatMap((frame) => (frame.case === 'report' ? [frame.value.results.length] : []));
    expect(Math.max(...reports)).toBeLessThanOrEqual(5);
    expect(reports.reduce((sum, count) => sum + count, 0)).toBe(20);
  });

  test('refuses new work while too many bytes of results wait for their acks', () => {
    const driver = new CoreDriver(10_000).connect();
    const output = { kind: 'value', bytes: new Uint8Array(256 * 1024) } as const;
    let started = 0;
    for (let i = 0; i < 400; i++) {
      const id = attemptId(`s${i}`);
      driver.assign(id);
      started = driver.starts.length;
      driver.tell({ type: 'ended', attemptId: id, end: { type: 'completed', output } });
    }
    expect(started).toBeLessThan(260);
    driver.flush();
    for (let i = 0; i < 300; i++) driver.ackResult(attemptId(`s${i}`));
    driver.assign(attemptId('later'));
    expect(driver.starts.at(-1)).toBe(attemptId('later'));
  });
});

describe('a cut', () => {
  test('keeps a result until it is acknowledged and sends it on every new stream', () => {
    const driver = new CoreDriver().connect().assign(a).complete(a);
    for (let i = 0; i < 3; i++) {
      driver.cut().reconnect();
      expect(helloOf(driver).held).toMatchObject([{ attemptId: a, finished: true }]);
      expect(driver.results()).toEqual([`${a} completed`]);
    }
    driver.ackResult(a).cut().reconnect();
    expect(helloOf(driver).held).toEqual([]);
    expect(driver.results()).toEqual([]);
  });

  test.each([ResultVerdict.SUPERSEDED, ResultVerdict.UNKNOWN])(
    'forgets a result that is answered with %s',
    (verdict) => {
      const driver = new CoreDriver().connect().assign(a).complete(a).ackResult(a, verdict);
      expect(driver.core.heldCount).toBe(0);
    },
  );

  test('lists what runs, goes on with it, and says again that it has it', () => {
    const driver = new CoreDriver().connect().assign(a).accept(a).cut().reconnect();
    expect(helloOf(driver).held).toMatchObject([{ attemptId: a, finished: false }]);
    expect(driver.updates()).toEqual([`${a} accepted`]);
    expect(driver.starts).toEqual([a]);
    expect(driver.stops).toEqual([]);
  });

  test('sends a result that came while it was cut', () => {
    const driver = new CoreDriver().connect().assign(a).cut().complete(a);
    expect(driver.results(1)).toEqual([]);
    driver.reconnect();
    expect(driver.results()).toEqual([`${a} completed`]);
  });

  test('sends the latest checkpoint again', () => {
    const driver = new CoreDriver().connect().assign(a).accept(a);
    driver.tell({ type: 'checkpoint', attemptId: a, value: Uint8Array.of(1) }).flush();
    driver.cut().advance(2_000).reconnect();
    expect(driver.updates()).toContain(`${a} checkpoint`);
  });

  test('after GoAway SHUTDOWN it says Hello on a new stream first, and leaves the old one at the Welcome', () => {
    const driver = new CoreDriver().connect().assign(a).goAway().advance(0);
    expect(driver.opened).toEqual([1, 2]);
    expect(driver.closed).toEqual([]);
    driver.welcome();
    expect(driver.closed).toEqual([1]);
    expect(driver.stops).toEqual([]);
  });

  test('when the new stream fails after a GoAway it lets the old one go, too, and dials on', () => {
    const driver = new CoreDriver().connect().goAway().advance(0).cut(2);
    expect(driver.closed).toEqual([1]);
    driver.reconnect();
    expect(driver.opened).toEqual([1, 2, 3]);
  });

  test.each([GoAwayReason.REPLACED, GoAwayReason.DRAINED])('does not come back after GoAway %s', (reason) => {
    const driver = new CoreDriver().connect().assign(a).goAway(reason);
    expect(driver.core.isEnded).toBe(true);
    expect(driver.stops).toEqual([`${a} LOST`]);
    expect(driver.core.nextAt()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('stopping', () => {
  test('tells the handler why, before and after its acceptance', () => {
    const driver = new CoreDriver().connect().assign(a).stop(a, StopReason.NOT_ACCEPTED);
    driver.assign(b).accept(b).stop(b, StopReason.DEADLINE);
    expect(driver.stops).toEqual([`${a} NOT_ACCEPTED`, `${b} DEADLINE`]);
  });

  test('needs no answer for an attempt that it does not have or has finished', () => {
    const driver = new CoreDriver().connect().assign(a).complete(a).stop(a).stop(b);
    expect(driver.stops).toEqual([]);
  });

  test('what is read together with its stop never starts, and is confirmed', () => {
    const driver = new CoreDriver().connect();
    driver.inOneTurn(() => driver.assign(a).assign(b).stop(a));
    expect(driver.starts).toEqual([b]);
    expect(driver.stops).toEqual([]);
    expect(driver.results()).toEqual([`${a} cancelled`]);
    expect(driver.core.heldCount).toBe(2);
    // A copy of the assignment that comes later does not start it either.
    driver.assign(a);
    expect(driver.starts).toEqual([b]);
  });

  test('tells the handler once per reason', () => {
    const driver = new CoreDriver().connect().assign(a).stop(a).stop(a).stop(a, StopReason.RUN_ENDED);
    expect(driver.stops).toEqual([`${a} CANCELLED`, `${a} RUN_ENDED`]);
  });

  test('stops non-idempotent work 0.9 of the loss window after it sent the last frame that was answered', () => {
    const driver = new CoreDriver().connect();
    const helloAt = driver.now;
    driver.assign(a).assign(b, { idempotent: true });
    driver.cut().advance(helloAt + 26_999 - driver.now);
    expect(driver.stops).toEqual([]);
    driver.advance(1);
    expect(driver.stops).toEqual([`${a} CONTACT_LOST`]);
    driver.advance(600_000);
    expect(driver.stops).toEqual([`${a} CONTACT_LOST`]);
  });

  test('counts from when the answered beat was sent, not from its ack', () => {
    const driver = new CoreDriver().connect().assign(a).advance(6_000);
    const sentAt = driver.log.findLast(({ action }) => action.type === 'send')?.at ?? 0;
    driver.advance(3_000).ackBeat().cut();
    driver.advance(sentAt + 26_999 - driver.now);
    expect(driver.stops).toEqual([]);
    driver.advance(1);
    expect(driver.stops).toEqual([`${a} CONTACT_LOST`]);
  });

  test('a Hello without a Welcome does not prolong anything', () => {
    const driver = new CoreDriver().connect().assign(a);
    const helloAt = 1_000;
    driver.advance(4_000).cut().advance(10_000);
    expect(driver.link).toBeGreaterThan(1);
    driver.advance(helloAt + 27_000 - driver.now);
    expect(driver.stops).toEqual([`${a} CONTACT_LOST`]);
  });

  test('does not start what lay on its way until another agent may have it, and hands it back', () => {
    const driver = new CoreDriver();
    driver.core.start(driver.now);
    // The Welcome and what follows it come late: they answer a Hello that is older than the window allows.
    driver.flush().advance(9_000).welcome(9_000).assign(a).assign(b, { idempotent: true });
    expect(driver.starts).toEqual([b]);
    expect(driver.results()).toEqual([`${a} handedBack`]);
    driver.advance(1).ackBeat().assign(attemptId('c'));
    expect(driver.starts).toEqual([b, attemptId('c')]);
  });

  test('uses the own window of an attempt and beats often enough for it', () => {
    const driver = new CoreDriver().connect().assign(a, { lossWindowMs: 3_000 });
    for (let i = 0; i < 60; i++) driver.advance(500).ackBeat();
    expect(driver.stops).toEqual([]);
    driver.cut().advance(2_700);
    expect(driver.stops).toEqual([`${a} CONTACT_LOST`]);
  });

  test('lets work go on while beats are answered', () => {
    const driver = new CoreDriver().connect().assign(a);
    for (let i = 0; i < 100; i++) driver.advance(5_000).ackBeat();
    expect(driver.stops).toEqual([]);
  });

  test('stops work whose time is over, even when nobody can say so', () => {
    const driver = new CoreDriver().connect().assign(a, { idempotent: true, timeoutMs: 60_000 }).cut();
    driver.advance(60_999);
    expect(driver.stops).toEqual([]);
    driver.advance(1);
    expect(driver.stops).toEqual([`${a} TIMEOUT`]);
  });
});

describe('leaving', () => {
  const states = (driver: CoreDriver) =>
    driver.frames().flatMap((frame) => (frame.case === 'state' ? [frame.value] : []));

  test('idle: says that it drains, says Goodbye and closes', () => {
    const driver = new CoreDriver().connect();
    driver.core.leave('SIGTERM', 10_000, driver.now);
    driver.flush();
    expect(driver.frames().map((frame) => frame.case)).toEqual(['hello', 'state', 'goodbye']);
    expect(driver.closed).toEqual([1]);
    expect(driver.phases.at(-1)).toEqual({ state: 'ENDED', reason: 'SIGTERM' });
  });

  test('lets work finish and its result be acknowledged, and rejects new work', () => {
    const driver = new CoreDriver().connect().assign(a);
    driver.core.leave('stop', 10_000, driver.now);
    driver.flush().assign(b);
    expect(states(driver)).toMatchObject([{ draining: true, revision: 2 }]);
    expect(driver.updates()).toEqual([`${b} rejected`]);
    driver.complete(a);
    expect(driver.core.isEnded).toBe(false);
    driver.ackResult(a);
    expect(driver.frames().at(-1)?.case).toBe('goodbye');
  });

  test('hands back what is not finished after the grace, and goes 2 s later at the latest', () => {
    const driver = new CoreDriver().connect().assign(a);
    driver.core.leave('stop', 10_000, driver.now);
    driver.flush().advance(9_999);
    expect(driver.stops).toEqual([]);
    driver.advance(1);
    expect(driver.stops).toEqual([`${a} DRAINING`]);
    driver.advance(1_999);
    expect(driver.core.isEnded).toBe(false);
    driver.advance(1);
    expect(driver.frames().at(-1)?.case).toBe('goodbye');
    expect(driver.core.isEnded).toBe(true);
  });

  test('without a connection and without work it ends at once; with a result it tries until the grace is over', () => {
    const idle = new CoreDriver().connect().cut();
    idle.core.leave('stop', 10_000, idle.now);
    expect(idle.flush().core.isEnded).toBe(true);
    const busy = new CoreDriver().connect().assign(a).complete(a).cut();
    busy.core.leave('stop', 10_000, busy.now);
    busy.flush().reconnect();
    expect(busy.results()).toEqual([`${a} completed`]);
    expect(busy.ackResult(a).core.isEnded).toBe(true);
  });

  test('a hung handler thread: its attempts fail with HUNG, no work is taken until it is back', () => {
    const driver = new CoreDriver().connect().assign(a).accept(a);
    driver.core.hang(60_000, driver.now);
    driver.flush();
    expect(driver.results()).toEqual([`${a} failed`]);
    expect(driver.stops).toEqual([`${a} LOST`]);
    expect(states(driver)).toMatchObject([{ slots: 0, revision: 2 }]);
    driver.assign(b);
    expect(driver.starts).toEqual([a]);
    driver.complete(a);
    expect(driver.results()).toEqual([`${a} failed`]);
    driver.core.recover();
    driver.flush().assign(b);
    expect(states(driver).at(-1)).toMatchObject({ slots: 4, revision: 3 });
    expect(driver.starts).toEqual([a, b]);
  });
});

describe('a full outbox', () => {
  const finishMany = (driver: CoreDriver, count: number): string[] => {
    const ids = Array.from({ length: count }, (_, i) => attemptId(`s${i}`));
    for (const id of ids) driver.assign(id);
    const output = { kind: 'value', bytes: new Uint8Array(256 * 1024) } as const;
    for (const id of ids) driver.tell({ type: 'ended', attemptId: id, end: { type: 'completed', output } });
    return ids;
  };

  test('is sent 4 MiB ahead of the acks, so that it fits the queue of a new stream', () => {
    const driver = new CoreDriver(100).connect();
    const ids = finishMany(driver, 40);
    driver.cut().reconnect();
    expect(driver.results().length).toBe(15);
    for (const id of ids) driver.ackResult(id);
    expect(new Set(driver.results())).toEqual(new Set(ids.map((id) => `${id} completed`)));
    expect(driver.core.heldCount).toBe(0);
  });

  test('checkpoints of many attempts follow each other instead of filling the queue', () => {
    const driver = new CoreDriver(100).connect();
    for (let i = 0; i < 40; i++) {
      driver.assign(attemptId(`s${i}`));
      driver.tell({ type: 'checkpoint', attemptId: attemptId(`s${i}`), value: new Uint8Array(256 * 1024) });
    }
    driver.flush();
    expect(driver.updates().length).toBe(4);
    driver.advance(950);
    expect(driver.updates().length).toBe(40);
  });
});
