/**
 * What operators do to instances, one call after another. The entry of the audit log is durable first: what it tells is memory,
 * and a control plane that dies in between has forgotten every cordon anyway.
 */
import { YardmasterError } from '../../core/errors.ts';
import { nearest } from '../../core/nearest.ts';
import type { Fleet, FleetAction, Now } from '../registry/fleet.ts';
import type { Instance } from '../registry/instance.ts';
import { type Operation, wouldChange } from '../registry/operations.ts';
import type { AuditRow, Store } from '../store/port.ts';
import type { AuditFacts, AuditLog } from './audit-log.ts';
import type { Committer } from './committer.ts';
import type { OperateAgentsRequest, OperatedAgents } from './control-plane.ts';
import { agentNotFound, viewAgents, viewInstance } from './views.ts';
import { writeDurably } from './write-durably.ts';

/** Fewer could be anybody. */
const TAIL_CHARS_MIN = 4;
const NAMED_MAX = 3;

const ACTIONS: Readonly<Record<Operation, AuditFacts['action']>> = {
  drain: 'agent.drain',
  cordon: 'agent.cordon',
  uncordon: 'agent.uncordon',
  disconnect: 'agent.disconnect',
};

export interface FleetOperationsOptions {
  readonly fleet: Fleet;
  readonly store: Pick<Store, 'listAgentEvents'>;
  readonly audit: AuditLog;
  readonly committer: () => Committer;
  readonly lost: () => Iterable<Instance>;
  readonly now: () => Now;
  readonly apply: (actions: readonly FleetAction[]) => void;
  /** Throws while nothing new is taken. */
  readonly admit: () => void;
}

export class FleetOperations {
  private readonly options: FleetOperationsOptions;
  /** Never rejects. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(options: FleetOperationsOptions) {
    this.options = options;
  }

  async operate(request: OperateAgentsRequest): Promise<OperatedAgents> {
    // While the store is in trouble nobody waits in line for it.
    this.options.admit();
    const mine = this.last.then(() => this.inTurn(request));
    this.last = mine.catch(() => undefined);
    return mine;
  }

  private async inTurn(request: OperateAgentsRequest): Promise<OperatedAgents> {
    this.options.admit();
    const { operation, reason, addresses = [], caller } = request;
    const meant = await this.find(request);
    const changing = meant.filter((instance) => wouldChange(operation, instance, addresses));
    const entry = changing.length > 0 ? this.entryOf(request, changing) : undefined;
    if (entry !== undefined) await writeDurably(this.options.committer, ({ audit }) => audit.push(entry));
    const operator = { actor: caller?.actor ?? 'anonymous', reason, ...(addresses.length > 0 && { addresses }) };
    const changedIds: string[] = [];
    for (const instance of changing) {
      // It may have left meanwhile.
      const actions = this.options.fleet.operate(operation, instance, operator, this.options.now());
      if (actions.length > 0) changedIds.push(instance.instanceId);
      this.options.apply(actions);
    }
    return { instances: meant.map(viewInstance), changedIds };
  }

  private async find(request: OperateAgentsRequest): Promise<readonly Instance[]> {
    const { namespace, agentId, instanceId } = request;
    const isOurs = (instance: Instance): boolean => instance.namespace === namespace && instance.agentId === agentId;
    const present = [...this.options.fleet.instances.values()].filter(isOurs);
    const left = [...this.options.lost()].filter(isOurs);
    const all = [...present, ...left];
    if (instanceId !== '') return all.length === 0 ? this.nobody(request) : [findInstance(request, all)];
    // Of those that left only the cordon is still there, and only to be taken back.
    if (request.operation === 'uncordon' || present.length === 0) return all.length === 0 ? this.nobody(request) : all;
    return present;
  }

  /** An agent that was seen once has nobody to act on; one that was not is a mistake. */
  private async nobody({ namespace, agentId, instanceId }: OperateAgentsRequest): Promise<readonly Instance[]> {
    const events = instanceId === '' ? await this.options.store.listAgentEvents(agentId, 1) : [];
    if (events.length > 0) return [];
    throw agentNotFound(agentId, viewAgents(this.options.fleet, this.options.lost(), namespace));
  }

  private entryOf(request: OperateAgentsRequest, changing: readonly Instance[]): AuditRow | undefined {
    const { namespace, agentId: subject, operation, reason, addresses = [], caller } = request;
    const instances = changing.map(({ instanceId }) => instanceId).join(', ');
    const details = { instances, reason, ...(addresses.length > 0 && { addresses: addresses.join(', ') }) };
    return this.options.audit.entryOf(caller, {
      namespace,
      action: ACTIONS[operation],
      kind: 'AGENT',
      subject,
      details,
    });
  }
}

function findInstance({ agentId, instanceId }: OperateAgentsRequest, all: readonly Instance[]): Instance {
  const exact = all.find((instance) => instance.instanceId === instanceId);
  if (exact !== undefined) return exact;
  const isTail = instanceId.length >= TAIL_CHARS_MIN;
  const found = isTail ? all.filter((instance) => instance.instanceId.endsWith(instanceId)) : [];
  const [only] = found;
  if (only === undefined) throw instanceNotFound(agentId, instanceId, all);
  if (found.length === 1) return only;
  const some = found.slice(0, NAMED_MAX).map((instance) => instance.instanceId);
  throw new YardmasterError(
    'INSTANCE_AMBIGUOUS',
    `Cannot tell which instance of "${agentId}" is "${instanceId}": ${some.join(', ')} end with it`,
    { next: 'give more characters of the id' },
  );
}

function instanceNotFound(agentId: string, instanceId: string, all: readonly Instance[]): YardmasterError {
  const ids = all.map((instance) => instance.instanceId);
  const near = nearest(instanceId, [...ids, ...ids.map((id) => id.slice(-TAIL_CHARS_MIN))]);
  const hint = near === undefined ? '' : `; did you mean "${near}"?`;
  return new YardmasterError('AGENT_NOT_FOUND', `Cannot find instance "${instanceId}" of agent "${agentId}"${hint}`, {
    meta: { agent: agentId, instance: instanceId },
    next: `yardmaster agents get ${agentId} -o wide`,
  });
}
