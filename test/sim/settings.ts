/** What one seed is like: sizes, speeds, and which kinds of faults it knows. Every seed leaves some of them out. */

import type { BehaviourSettings } from './behaviour.ts';
import type { Dice } from './dice.ts';
import { FAULT_KINDS, type FaultKind, LATER_KINDS } from './faults.ts';
import type { NetworkSettings } from './network.ts';
import type { DiskSettings } from './sim-store.ts';

export interface SimSettings {
  readonly lossWindowMs: number;
  readonly beatIntervalMs: number;
  readonly agents: number;
  readonly slotsMax: number;
  readonly workflows: number;
  readonly stepsMax: number;
  readonly runs: number;
  readonly cancels: number;
  /** Share of the runs that are paused for a while. */
  readonly pauses: number;
  /** Share of the runs that did not complete of which another try is made. */
  readonly retries: number;
  /** Schedules that start runs by the clock. */
  readonly schedules: number;
  /** Share of the steps whose handlers call other agents. */
  readonly calls: number;
  /** Mean time between two things that an operator does to the fleet, ms; 0: there is none. */
  readonly operatorPauseMs: number;
  /** Time with faults. */
  readonly stormMs: number;
  readonly pauseMs: number;
  readonly kinds: readonly FaultKind[];
  readonly network: NetworkSettings;
  readonly disk: DiskSettings;
  /** The real SQL behind the model store. */
  readonly isSql: boolean;
  readonly behaviour: BehaviourSettings;
  /** Limits of the product, made small so that they are met. */
  readonly limits: {
    readonly inlineEventBytesMax: number;
    readonly inlineWireBytesMax: number;
    readonly streamQueueBytesMax: number;
    readonly frameBytesSoft: number;
    /** Absent: as in the product, where what a simulation assigns never reaches it. */
    readonly aheadBytesMax?: number;
    /** Absent: as in the product, where no run of a simulation is long enough for a snapshot, and no batch for a cut. */
    readonly snapshotRows?: number;
    readonly commitEventsMax?: number;
  };
}

/** So small that values go through blobs and queues overflow. */
export const smallLimits: SimSettings['limits'] = {
  inlineEventBytesMax: 64,
  inlineWireBytesMax: 3_072,
  streamQueueBytesMax: 6_144,
  frameBytesSoft: 2_048,
};

function drawSchedules(dice: Dice): number {
  return dice.chance(0.3) ? dice.int(1, 2) : 0;
}

export function drawSettings(dice: Dice): SimSettings {
  const beatIntervalMs = dice.pick([500, 1_000, 2_000, 5_000]);
  const isCalm = dice.chance(0.05);
  const level = dice.between(0.2, 0.9);
  const more = dice.fork('more');
  return {
    beatIntervalMs,
    lossWindowMs: beatIntervalMs * 6,
    agents: dice.int(1, 5),
    slotsMax: dice.pick([1, 2, 4, 8]),
    workflows: dice.int(1, 3),
    stepsMax: dice.pick([3, 8, 14]),
    runs: dice.int(2, 12),
    cancels: dice.pick([0, 0.1, 0.3]),
    pauses: dice.fork('pauses').pick([0, 0, 0.2]),
    retries: dice.fork('retries').pick([0, 0.5, 1]),
    schedules: drawSchedules(dice.fork('schedules')),
    calls: dice.fork('invoke').pick([0, 0, 0.2]),
    operatorPauseMs: dice.fork('operator').pick([0, 0, 0, 600, 3_000]),
    stormMs: dice.int(10_000, 60_000),
    pauseMs: dice.pick([800, 2_500, 8_000]),
    kinds: isCalm ? [] : FAULT_KINDS.filter((kind) => (LATER_KINDS.has(kind) ? dice.fork(kind) : dice).chance(level)),
    network: {
      latencyMs: dice.pick([
        [0.05, 1],
        [0.2, 10],
        [1, 300],
      ] as const),
      duplicates: dice.pick([0, 0, 0.05, 0.3]),
      windowBytes: dice.pick([4_096, 65_536]),
    },
    disk: dice.pick([
      { writeMs: 0, readMs: 0 },
      { writeMs: 2, readMs: 0 },
      { writeMs: 3, readMs: 5 },
      { writeMs: 40, readMs: 60 },
    ]),
    isSql: more.chance(0.1),
    behaviour: {
      failures: dice.pick([0, 0.1, 0.3]),
      handBacks: dice.pick([0, 0.05]),
      stubborn: dice.pick([0, 0, 0.1]),
      workMs: dice.pick([200, 3_000, 25_000]),
      outputChars: dice.pick([10, 500, 9_000]),
    },
    limits: withSmallSteps(
      dice.fork('snapshots'),
      dice.pick([
        {
          inlineEventBytesMax: 4_096,
          inlineWireBytesMax: 256 * 1_024,
          streamQueueBytesMax: 8 * 1_048_576,
          frameBytesSoft: 1_048_576,
        },
        withSmallFeeding(dice.fork('feeding'), smallLimits),
      ]),
    ),
  };
}

/** As worlds were before there was one. */
export function withoutOperator(settings: SimSettings): SimSettings {
  return { ...settings, operatorPauseMs: 0 };
}

/** Work that may take longer than the window, times as the product has them, a long storm of every fault, and another try of all. */
export function longWorld(settings: SimSettings): SimSettings {
  const behaviour = { ...settings.behaviour, workMs: 60_000, stubborn: 0 };
  const times = { beatIntervalMs: 5_000, lossWindowMs: 30_000, pauseMs: 4_000, stormMs: 180_000 };
  return { ...settings, ...times, agents: 4, kinds: FAULT_KINDS, retries: 1, behaviour };
}

/** Where queues are small, agents are fed a few assignments at a time, or so many that the queues overflow all the same. */
function withSmallFeeding(dice: Dice, limits: SimSettings['limits']): SimSettings['limits'] {
  return { ...limits, aheadBytesMax: dice.pick([600, 1_500, limits.streamQueueBytesMax / 2]) };
}

/** In most worlds runs are loaded from snapshots, in some of them after every row; and commits are cut, in some after every event. */
function withSmallSteps(dice: Dice, limits: SimSettings['limits']): SimSettings['limits'] {
  const snapshotRows = dice.pick([1, 2, 5, 12, 0]);
  const commitEventsMax = dice.fork('commits').pick([1, 8, 40, 0]);
  return {
    ...limits,
    ...(snapshotRows > 0 && { snapshotRows }),
    ...(commitEventsMax > 0 && { commitEventsMax }),
  };
}
