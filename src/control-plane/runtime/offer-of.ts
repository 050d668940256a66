/** An instance as the scheduler is told of it. */
import { labelsOf } from '../registry/agent-labels.ts';
import { hasRoom, type Instance } from '../registry/instance.ts';
import { standingText } from '../registry/operations.ts';
import type { InstanceOffer } from '../scheduler/types.ts';

export function offerOf(instance: Instance): InstanceOffer {
  const { state } = instance;
  return {
    namespace: instance.namespace,
    instanceId: instance.instanceId,
    agentId: instance.agentId,
    labels: labelsOf(instance),
    capabilities: state.capabilities,
    slots: state.slots,
    accepts: hasRoom(instance),
    state: standingText(instance),
    load: instance.load,
  };
}
