/** Carries out what the fleet's rules ask for: scheduler changes, stream ends, commands, and rows for people. */
import type { Alerts } from '../../core/alerts.ts';
import { YardmasterError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { FleetAction, StreamEnd } from '../registry/fleet.ts';
import type { Instance } from '../registry/instance.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { AgentWatch } from './agent-watch.ts';
import type { Committer } from './committer.ts';
import { offerOf } from './offer-of.ts';
import type { Outbox } from './outbox.ts';
import type { Reports } from './reports.ts';
import { slotOf } from './step-classes.ts';

/** Instances that left lately and are still shown. */
const LOST_SHOWN_MAX = 200;

export interface FleetActionsOptions {
  readonly alerts: Alerts;
  readonly logger: Logger;
  readonly scheduler: Scheduler;
  readonly outbox: Outbox;
  readonly sentAway: (instance: Instance) => readonly FleetAction[];
  readonly reports: () => Reports;
  readonly committer: () => Committer;
  readonly agentWatch: AgentWatch;
  readonly wall: () => number;
  readonly onHealth: () => void;
}

export class FleetActions {
  readonly lost = new Map<string, Instance>();
  private readonly options: FleetActionsOptions;

  constructor(options: FleetActionsOptions) {
    this.options = options;
  }

  apply(actions: readonly FleetAction[]): void {
    if (actions.length === 0) return;
    for (const action of actions) this.one(action);
    this.options.agentWatch.changed();
    this.options.onHealth();
    this.options.committer().kick();
  }

  private one(action: FleetAction): void {
    const { scheduler, reports } = this.options;
    switch (action.type) {
      case 'changed':
        this.lost.delete(action.instance.instanceId);
        return scheduler.apply({ type: 'instanceChanged', offer: offerOf(action.instance) });
      case 'gone':
        this.remember(action.instance);
        return scheduler.apply({ type: 'instanceGone', instanceId: action.instance.instanceId });
      case 'reroute':
        return reports().reroute(action.attempts);
      case 'lost':
        for (const attempt of action.freed) {
          scheduler.apply({ type: 'slotFreed', ...slotOf(action.instance.instanceId, attempt) });
        }
        return reports().lost(action.instance, action.attempts);
      case 'notAccepted':
        return reports().notAccepted(action.instance, action.attempt);
      case 'endStream':
        if (action.why === 'REPLACED')
          action.peer.send({
            type: 'goAway',
            reason: 'REPLACED',
            message: 'a newer stream of this instance took over',
          });
        return action.peer.end(streamError(action.why));
      case 'resync':
        this.options.outbox.flush();
        return action.instance.peer?.send({ type: 'goAway', reason: 'RESYNC', message: action.message });
      case 'moveAway':
        this.options.outbox.flush();
        return action.instance.peer?.send({
          type: 'goAway',
          reason: 'REBALANCE',
          message: `moved ${action.message}`,
          addresses: action.addresses,
        });
      case 'drained':
        return this.sendAway(action);
      case 'event':
        return this.record(action);
    }
  }

  private sendAway({ instance, message }: Extract<FleetAction, { type: 'drained' }>): void {
    const { peer } = instance;
    // The answer to its last result goes first: it forgets nothing and repeats nothing.
    this.options.outbox.flush();
    peer?.send({ type: 'goAway', reason: 'DRAINED', message: `drained ${message}` });
    for (const action of this.options.sentAway(instance)) this.one(action);
    peer?.end();
  }

  private record(action: Extract<FleetAction, { type: 'event' }>): void {
    const { instance, kind, message } = action;
    const { agentId, instanceId } = instance;
    this.options.logger.info(`agent ${kind.toLowerCase()}`, { agent: agentId, instance: instanceId, detail: message });
    if (kind === 'LOST') {
      this.options.alerts.raise({
        kind: 'agentLost',
        subject: agentId,
        message: `instance ${instanceId} of agent "${agentId}" is lost: ${message}`,
        facts: { agent: agentId, instance: instanceId },
      });
    }
    this.options.committer().current.agentEvents.push({ at: this.options.wall(), agentId, instanceId, kind, message });
  }

  private remember(instance: Instance): void {
    this.lost.delete(instance.instanceId);
    this.lost.set(instance.instanceId, instance);
    for (const oldest of this.lost.keys()) {
      if (this.lost.size <= LOST_SHOWN_MAX) break;
      this.lost.delete(oldest);
    }
  }
}

const STREAM_ERRORS: Readonly<Record<Exclude<StreamEnd, 'REPLACED'>, readonly [string, string, string]>> = {
  DISCONNECTED: ['AGENT_DISCONNECTED', 'an operator ended the stream', 'connect again; what is held goes on'],
  SILENT: ['AGENT_SILENT', 'the stream gave no sign for too long', 'connect again and send a Beat every interval'],
  DEAF: [
    'AGENT_DEAF',
    'the instance beats, but three times in a row it did not accept what it was sent',
    'connect again; look for what keeps the handlers from accepting, such as a blocked event loop',
  ],
};

function streamError(why: StreamEnd): YardmasterError | undefined {
  if (why === 'REPLACED') return undefined;
  const [code, message, next] = STREAM_ERRORS[why];
  return new YardmasterError(code, message, { next });
}
