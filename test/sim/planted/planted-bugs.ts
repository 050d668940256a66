/**
 * Known-bad variants of the product. Each is put in at a seam, here and not in the product, and each has an invariant that must
 * see it: they prove that the simulator bites.
 */
import type { SessionWire } from '../../../src/control-plane/api/agent-service.ts';
import { findAttempt } from '../../../src/control-plane/engine/attempts.ts';
import type { CancelChild } from '../../../src/control-plane/engine/commands.ts';
import { findStep } from '../../../src/control-plane/engine/frames.ts';
import type { RunState } from '../../../src/control-plane/engine/state.ts';
import { isStepOver } from '../../../src/control-plane/engine/status.ts';
import type { Fleet } from '../../../src/control-plane/registry/fleet.ts';
import { Fleet as FleetClass } from '../../../src/control-plane/registry/fleet.ts';
import type { HeldAttempt, Instance } from '../../../src/control-plane/registry/instance.ts';
import { ChildRuns } from '../../../src/control-plane/runtime/child-runs.ts';
import { Returns } from '../../../src/control-plane/runtime/returns.ts';
import type { Pending, RunHolder } from '../../../src/control-plane/runtime/run-holder.ts';
import { Runs } from '../../../src/control-plane/runtime/runs.ts';
import { Secrets } from '../../../src/control-plane/runtime/secrets.ts';
import { StallGuard } from '../../../src/control-plane/runtime/stall-guard.ts';
import { Timers } from '../../../src/control-plane/runtime/timers.ts';
import type { Scheduler } from '../../../src/control-plane/scheduler/scheduler.ts';
import type { Store } from '../../../src/control-plane/store/port.ts';
import { type SimSettings, smallLimits } from '../settings.ts';
import { bodyBugs } from './body-bugs.ts';
import { callBugs } from './call-bugs.ts';
import { cleanupBugs } from './cleanup-bugs.ts';
import { engineBugs } from './engine-bugs.ts';
import { forgetful, withSnapshots } from './forgetful-snapshot.ts';
import { operatorBugs } from './operator-bugs.ts';
import { scheduleBugs } from './schedule-bugs.ts';
import { type PlantedBug, planted, substitute, withFaults } from './seams.ts';
import { unheardBugs } from './unheard-bugs.ts';

export const plantedBugs: readonly PlantedBug[] = [
  ...scheduleBugs,
  ...operatorBugs,
  ...callBugs,
  ...unheardBugs,
  {
    name: 'ack before commit',
    seedsMax: 10,
    plant: () =>
      planted(() => {}, {
        wrapStore: (store: Store): Store => ({
          ...store,
          commit: (batch) => {
            store.commit(batch).catch(() => {});
            return Promise.resolve();
          },
        }),
      }),
  },
  {
    name: 'no fence',
    seedsMax: 100,
    plant: () =>
      planted(
        substitute(
          Runs,
          'decideOn',
          (original) =>
            function (this: Runs, ...args: never[]) {
              unfence(...(args as unknown as [RunHolder, RunState, Pending]));
              return original.apply(this, args);
            },
        ),
      ),
  },
  {
    name: 'lost timer after restart',
    seedsMax: 60,
    plant: () => {
      // Recovery arms its timers before the process is up: those are lost.
      const isUp = new WeakSet<object>();
      const removeSet = substitute(
        Timers,
        'set',
        (original) =>
          function (this: Timers, ...args: never[]) {
            return isUp.has(clockOf(this)) ? original.apply(this, args) : undefined;
          },
      );
      const removeStart = substitute(
        StallGuard,
        'start',
        (original) =>
          function (this: StallGuard, ...args: never[]) {
            isUp.add(clockOf(this));
            return original.apply(this, args);
          },
      );
      return planted(() => {
        removeSet();
        removeStart();
      }, withFaults('controlPlaneKilled'));
    },
  },
  {
    name: 'old stream removes the new one',
    seedsMax: 60,
    plant: () =>
      planted(
        substitute<Fleet>(
          FleetClass,
          'ended',
          (original) =>
            function (this: Fleet, ...args: never[]) {
              const [instance, peer, why] = args as unknown as [Instance, Instance['peer'], string];
              return original.apply(this, [instance, instance.peer ?? peer, why] as never[]);
            },
        ),
        withFaults('linkHalfOpen'),
      ),
  },
  {
    name: 'no own-stall guard',
    seedsMax: 60,
    plant: () => {
      const removeNow = substitute(
        StallGuard,
        'now',
        () =>
          function (this: StallGuard) {
            return clockOf(this).monotonic();
          },
      );
      const removeTick = substitute(
        StallGuard,
        'tick',
        () =>
          function (this: StallGuard) {
            const guard = this as unknown as { onTick(): void; arm(): void };
            guard.onTick();
            guard.arm();
          },
      );
      return planted(() => {
        removeNow();
        removeTick();
      }, withFaults('controlPlaneFrozen'));
    },
  },
  {
    name: 'slot counted twice after a return',
    seedsMax: 60,
    plant: () =>
      planted(
        substitute(
          Returns,
          'goesOn',
          (original) =>
            function (this: Returns, ...args: never[]) {
              const [{ instanceId }, { capability }] = args as unknown as [Instance, HeldAttempt];
              const { options } = this as unknown as { readonly options: { readonly scheduler: Scheduler } };
              options.scheduler.apply({ type: 'slotTaken', instanceId, capability });
              return original.apply(this, args);
            },
        ),
        withFaults('linkCut'),
      ),
  },
  {
    name: 'command dropped by a failed commit',
    seedsMax: 60,
    plant: () =>
      planted(
        substitute(
          Runs,
          'redo',
          (original) =>
            function (this: Runs, ...args: never[]) {
              const [batches, error] = args as unknown as Parameters<Runs['redo']>;
              const dropped = batches.map((batch) => ({ ...batch, pending: [] }));
              return original.apply(this, [dropped, error] as unknown as never[]);
            },
        ),
        withFaults('diskUnclear', 'diskBusy'),
      ),
  },
  {
    name: 'end of a child run told to nobody',
    seedsMax: 60,
    plant: () => planted(substitute(ChildRuns, 'ended', () => () => undefined)),
  },
  {
    name: 'step that does not wait for the end of its child run',
    seedsMax: 150,
    plant: () =>
      planted(
        substitute(
          ChildRuns,
          'act',
          (original) =>
            function (this: ChildRuns, ...args: never[]) {
              const [parent, { type, path, runId }] = args as unknown as [string, CancelChild];
              original.apply(this, args);
              if (type !== 'cancelChild') return;
              const { options } = this as unknown as { readonly options: { readonly runs: Runs } };
              const end = { kind: 'refused', failure: { code: 'CANCELLED', message: '' } } as const;
              const command = { type: 'SettleChild', path, runId, end } as const;
              const nobody = { attachment: undefined, onAnswer: undefined, onError: undefined };
              options.runs.submit({ runId: parent, command, ...nobody, isClient: false, failures: 0 });
            },
        ),
      ),
  },
  {
    name: 'snapshot that forgets failed tries',
    seedsMax: 10,
    plant: () => planted(() => {}, { adjust: withSnapshots, wrapStore: forgetful }),
  },
  {
    name: 'unbounded outgoing queue',
    seedsMax: 150,
    plant: () =>
      planted(() => {}, {
        adjust: crowded,
        wrapWire: unbounded,
      }),
  },
  {
    name: 'what handlers say is stored as it is',
    seedsMax: 60,
    plant: () => planted(substitute(Secrets, 'cleanerOf', () => () => undefined)),
  },
  ...engineBugs,
  ...bodyBugs,
  ...cleanupBugs,
];

/** Takes the end of an attempt back that is not LIVE any more, so that a late result is accepted. */
function unfence(_holder: RunHolder, state: RunState, { command }: Pending): void {
  if (command.type !== 'SettleAttempt') return;
  const step = findStep(state, command.path);
  if (step === undefined || isStepOver(step.status)) return;
  const attempt = findAttempt(step, command.number);
  if (attempt !== undefined && !attempt.isAccepted) attempt.outcome = undefined;
}

function clockOf(part: object): { monotonic(): number } {
  return (part as unknown as { readonly clock: { monotonic(): number } }).clock;
}

/** Large inputs for agents with many slots that often do not read. */
function crowded(settings: SimSettings): SimSettings {
  return {
    ...settings,
    kinds: ['agentFrozen', 'linkStall', 'linkCut'],
    pauseMs: 1_500,
    agents: 2,
    slotsMax: 16,
    runs: 12,
    behaviour: { ...settings.behaviour, workMs: 3_000, outputChars: 9_000 },
    limits: smallLimits,
  };
}

/** Takes every message, however many wait. */
function unbounded(wire: SessionWire): SessionWire {
  const inner = wire as unknown as { push(bytes: Uint8Array): void; pump(): void };
  return {
    remote: wire.remote,
    write: (bytes) => {
      if (wire.write(bytes)) return true;
      inner.push(bytes);
      inner.pump();
      return true;
    },
    end: (error) => wire.end(error),
    abandon: (last, error) => wire.abandon(last, error),
  };
}
