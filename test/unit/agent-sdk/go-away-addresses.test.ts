/** GoAway with addresses: where the session dials, in which order, and what it never dials. */
import { describe, expect, test } from 'vitest';
import { limits } from '../../../src/core/limits.ts';
import { GoAwayReason } from '../../../src/gen/yardmaster/v1/session_response_pb.ts';
import { attemptId, CoreDriver } from './core-driver.ts';

const { SHUTDOWN } = GoAwayReason;
const [B, C] = ['b.example:7420', '[fd00::3]:7420'];
const a = attemptId('a');

describe('a session that is sent elsewhere', () => {
  test('says Hello at the first address, and leaves the old stream at the Welcome', () => {
    const driver = new CoreDriver().connect().assign(a).accept(a).goAway(SHUTDOWN, [B, C]).advance(0);
    expect(driver.dialled).toEqual(['own', B]);
    expect(driver.closed).toEqual([]);
    driver.welcome();
    expect(driver.closed).toEqual([1]);
    expect(driver.stops).toEqual([]);
  });

  test('tries the next address when one fails, its own after the last, and then all of them again', () => {
    const driver = new CoreDriver().connect().goAway(SHUTDOWN, [B, C]).advance(0);
    for (let tries = 0; tries < 4; tries++) driver.cut().reconnectUnanswered();
    expect(driver.dialled).toEqual(['own', B, C, 'own', B, C]);
  });

  test('keeps the old stream until its own address has welcomed it, when all others have failed', () => {
    const driver = new CoreDriver().connect().assign(a).accept(a).goAway(SHUTDOWN, [B, C]).advance(0);
    driver.cut().reconnectUnanswered().cut().reconnectUnanswered();
    expect(driver.dialled).toEqual(['own', B, C, 'own']);
    expect(driver.closed).toEqual([]);
    driver.welcome();
    expect(driver.closed).toEqual([1]);
    expect(driver.stops).toEqual([]);
  });

  test('leaves the old stream when its own address has failed, too', () => {
    const driver = new CoreDriver().connect().goAway(SHUTDOWN, [B]).advance(0);
    driver.cut().reconnectUnanswered();
    expect(driver.closed).toEqual([]);
    driver.cut();
    expect(driver.dialled).toEqual(['own', B, 'own']);
    expect(driver.closed).toEqual([1]);
  });

  test('says nothing on the old stream while it looks for another', () => {
    const driver = new CoreDriver().connect().assign(a).accept(a).goAway(SHUTDOWN, [B]).advance(0);
    const said = driver.frames(1).length;
    driver.cut().reconnectUnanswered();
    driver.complete(a).advance(20_000);
    expect(driver.frames(1)).toHaveLength(said);
  });

  test('goes back to where it lived last when that stream is cut', () => {
    const driver = new CoreDriver().connect().goAway(SHUTDOWN, [B]).advance(0).welcome();
    driver.cut().reconnect();
    expect(driver.dialled).toEqual(['own', B, B]);
  });

  test('forgets the addresses once its own welcomes it again', () => {
    const driver = new CoreDriver().connect().goAway(SHUTDOWN, [B]).advance(0);
    driver.cut().reconnect();
    driver.cut().reconnectUnanswered().cut().reconnectUnanswered();
    expect(driver.dialled).toEqual(['own', B, 'own', 'own', 'own']);
  });

  test('stays with its address when a GoAway names none', () => {
    const driver = new CoreDriver().connect().goAway(SHUTDOWN, [B]).advance(0).welcome().goAway(SHUTDOWN).advance(0);
    expect(driver.dialled).toEqual(['own', B, B]);
  });

  test('ignores what is not host:port, and says so', () => {
    const bad = ['unix:/tmp/x', 'https://b.example:7420', 'b.example', 'b.example:0', 'b.example:70000', ''];
    const driver = new CoreDriver()
      .connect()
      .goAway(SHUTDOWN, [...bad, B])
      .advance(0);
    expect(driver.dialled).toEqual(['own', B]);
    expect(driver.phases.find(({ state }) => state === 'MOVING')).toMatchObject({ address: B, ignored: bad });
  });

  test('comes back to the same address when all that is named is unusable', () => {
    const driver = new CoreDriver().connect().goAway(SHUTDOWN, ['unix:/tmp/x']).advance(0);
    expect(driver.dialled).toEqual(['own', 'own']);
  });

  test(`tries at most ${limits.moveAddressesMax} addresses`, () => {
    const many = Array.from({ length: limits.moveAddressesMax + 1 }, (_, index) => `b${index}.example:1`);
    const driver = new CoreDriver().connect().goAway(SHUTDOWN, many).advance(0);
    for (const _ of many) driver.cut().reconnectUnanswered();
    expect(driver.dialled).toEqual(['own', ...many.slice(0, -1), 'own', many[0]]);
  });
});
