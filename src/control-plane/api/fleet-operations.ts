/** The calls that take instances out of service, and back: each is audited. */
import type { ServiceImpl } from '@connectrpc/connect';
import { isAddress } from '../../core/host-port.ts';
import { limits } from '../../core/limits.ts';
import type { Instance } from '../../gen/yardmaster/v1/agent_pb.ts';
import type { FleetService } from '../../gen/yardmaster/v1/fleet_service_pb.ts';
import type { Caller, ControlPlane, Operation } from '../runtime/control-plane.ts';
import { audited } from './audited.ts';
import { readCaller } from './caller.ts';
import { writeInstance } from './convert/agent.ts';
import type { Faults } from './convert/faults.ts';
import { cutText, quote, readName } from './convert/text.ts';
import { NAMESPACE, readRequest } from './requests.ts';

type Plane = Pick<ControlPlane, 'operateAgents' | 'noteRefusal'>;
type Operations = Pick<
  ServiceImpl<typeof FleetService>,
  'drainAgent' | 'cordonAgent' | 'uncordonAgent' | 'disconnectAgent'
>;

interface OperationRequest {
  readonly agentId: string;
  readonly instanceId: string;
  readonly reason: string;
  readonly addresses?: readonly string[];
}

interface OperationResponse {
  readonly instances: Instance[];
  readonly changedInstanceIds: string[];
}

export function createFleetOperations(controlPlane: Plane): Operations {
  const operate = async (
    operation: Operation,
    request: OperationRequest,
    caller: Caller,
  ): Promise<OperationResponse> => {
    const reason = cutText(request.reason, limits.auditDetailCharsMax);
    const { agentId, instanceId, addresses = [] } = request;
    const facts = { agentId, instanceId, addresses, reason };
    const describe = () => ({
      namespace: NAMESPACE,
      caller,
      action: `agent.${operation}` as const,
      kind: 'AGENT' as const,
      subject: request.agentId,
      details: {
        instances: request.instanceId,
        reason,
        ...(addresses.length > 0 && { addresses: cutText(addresses.join(', '), limits.auditDetailCharsMax) }),
      },
    });
    const { instances, changedIds } = await audited(controlPlane, describe, async () => {
      readRequest(`${operation} an agent`, (faults) => checkRequest(faults, facts));
      return controlPlane.operateAgents({ ...facts, operation, namespace: NAMESPACE, caller });
    });
    return { instances: instances.map(writeInstance), changedInstanceIds: [...changedIds] };
  };
  return {
    drainAgent: (request, context) => operate('drain', request, readCaller(context)),
    cordonAgent: (request, context) => operate('cordon', request, readCaller(context)),
    uncordonAgent: (request, context) => operate('uncordon', request, readCaller(context)),
    disconnectAgent: (request, context) => operate('disconnect', request, readCaller(context)),
  };
}

function checkRequest(faults: Faults, { agentId, instanceId, addresses = [] }: OperationRequest): void {
  readName(faults, 'agent_id', agentId);
  if (instanceId !== '') readName(faults, 'instance_id', instanceId);
  if (addresses.length > limits.moveAddressesMax)
    faults.add('addresses', `has ${addresses.length} of them; at most ${limits.moveAddressesMax} are allowed`);
  for (const [index, address] of addresses.slice(0, limits.moveAddressesMax).entries())
    if (!isAddress(address)) faults.add(`addresses[${index}]`, `${quote(address)} is not an address: host:port`);
}
