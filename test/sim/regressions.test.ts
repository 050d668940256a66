/**
 * Seeds that once failed, with what they found. A seed means another world after a change of the simulator, so what is fixed has
 * tests of its own, too; these are cheap and often hit the same corner again.
 */
import { expect, it } from 'vitest';
import { longWorld, type SimSettings, withoutOperator } from './settings.ts';
import { simulate } from './simulate.ts';

const regressions: readonly {
  readonly seed: number;
  readonly found: string;
  readonly hasSchedules?: true;
  readonly isLong?: true;
}[] = [
  { seed: 4, found: 'a repeated result was acknowledged on the state of a commit that had failed' },
  { seed: 6, found: 'a view showed what a failed commit had undone' },
  { seed: 7, found: 'who began to watch between a decision and its commit missed its events' },
  { seed: 12, found: 'watchers missed events whose commit landed without an answer' },
  { seed: 24, found: 'a start that the disk refused left its steps in the scheduler, and they took slots for ever' },
  { seed: 84, found: 'slots were given away before the undone runs were read again' },
  { seed: 94, found: 'a lease whose commit landed without an answer was never sent' },
  { seed: 167, found: 'a queueTimeout that came due beside an unreachable attempt was lost' },
  { seed: 258, found: 'a decision that waited for a value did not know the value that it stored itself' },
  { seed: 277, found: 'a paused run that timed out began `finally` beside its compensations' },
  { seed: 378, found: 'another try went on with a loop in the cleanup that had ended' },
  { seed: 427, found: 'an instance that returned was told to stop before the timeout was durable' },
  { seed: 20053, found: 'a try wrote over the large values that the journal of the try before names' },
  { seed: 300135, found: 'a run whose end was decided when it was read again, and undone, had two mailboxes' },
  { seed: 300613, found: 'a timer of the try before timed out a step that had not begun' },
  { seed: 30054, found: 'a child run began before the word of its parent, whose commit had failed twice' },
  { seed: 30134, found: 'the same, over an unclear commit' },
  { seed: 300843, found: 'a clock that was set back gave a signal to a step that had not waited longest' },
  { seed: 400522, found: 'of steps that wait since one moment, not the first of the journal got the signal' },
  {
    seed: 600805,
    found: 'a schedule was changed on what it was before a tick that had landed without an answer',
    hasSchedules: true,
  },
  { seed: 1001887, found: 'an upload for a run that had ended was stored with the secret in it', hasSchedules: true },
  { seed: 1002246, found: 'a try wrote over a large value that the run had taken over', hasSchedules: true },
  { seed: 1004842, found: 'a child run begun again was refused for its own place', hasSchedules: true },
  {
    seed: 1015362,
    found: 'a run that was being undone was tried again when the clock was set back',
    hasSchedules: true,
  },
  { seed: 1015448, found: 'the same, of a run without loops', hasSchedules: true },
  {
    seed: 7202,
    found: 'an agent was asked for another Hello while its result waited for the disk',
    hasSchedules: true,
  },
  {
    seed: 2010874,
    found: 'a process that had stood still started what lay in its socket, beside its next attempt',
    hasSchedules: true,
  },
  { seed: 752, found: 'chunks that waited for the disk were never answered when their run ended', hasSchedules: true },
  { seed: 125, found: 'who read a run between a set wall clock and the next tick called it stuck', isLong: true },
  { seed: 1045, found: 'a try began an iteration anew whose last step was passed by', isLong: true },
  { seed: 1018636, found: 'a run was told as stuck whose timer was held after a stall', hasSchedules: true },
];

for (const { seed, found, hasSchedules, isLong } of regressions) {
  it(`seed ${seed}: ${found}`, async () => {
    // There were none when most of these failed.
    const withoutSchedules = (settings: SimSettings): SimSettings => ({ ...settings, schedules: 0 });
    const adjust =
      isLong === true ? longWorld : hasSchedules === true ? (drawn: SimSettings) => drawn : withoutSchedules;
    const options = { adjust: (drawn: SimSettings) => withoutOperator(adjust(drawn)) };
    const { invariant, message, lastLines } = await simulate(seed, options);
    expect(invariant, `${message}\n${lastLines.join('\n')}`).toBeUndefined();
  });
}
