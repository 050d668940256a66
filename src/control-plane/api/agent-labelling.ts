/** FleetService.LabelAgent, audited like what else operators do. */
import type { ServiceImpl } from '@connectrpc/connect';
import { labelChangeText } from '../../core/label-change.ts';
import { limits } from '../../core/limits.ts';
import type { FleetService, LabelAgentRequest } from '../../gen/yardmaster/v1/fleet_service_pb.ts';
import type { ControlPlane } from '../runtime/control-plane.ts';
import { audited } from './audited.ts';
import { readCaller } from './caller.ts';
import { writeAgent } from './convert/agent.ts';
import type { Faults } from './convert/faults.ts';
import { cutText, quote, readLabels, readName } from './convert/text.ts';
import { NAMESPACE, readRequest } from './requests.ts';

type Plane = Pick<ControlPlane, 'labelAgent' | 'noteRefusal'>;

export function createAgentLabelling(controlPlane: Plane): Pick<ServiceImpl<typeof FleetService>, 'labelAgent'> {
  return {
    async labelAgent(request, context) {
      const { agentId, removed } = request;
      const caller = readCaller(context);
      const reason = cutText(request.reason, limits.auditDetailCharsMax);
      const describe = () => ({
        namespace: NAMESPACE,
        caller,
        action: 'agent.label' as const,
        kind: 'AGENT' as const,
        subject: agentId,
        details: { labels: cutText(labelChangeText(request), limits.auditDetailCharsMax), reason },
      });
      const { agent, changed } = await audited(controlPlane, describe, async () => {
        const labels = readRequest('label an agent', (faults) => readLabelling(faults, request));
        return controlPlane.labelAgent({ namespace: NAMESPACE, agentId, labels, removed, reason, caller });
      });
      return { agent: writeAgent(agent), changed };
    },
  };
}

function readLabelling(faults: Faults, request: LabelAgentRequest): Record<string, string> {
  const { agentId, removed } = request;
  readName(faults, 'agent_id', agentId);
  const labels = readLabels(faults, 'labels', request.labels);
  if (removed.length > limits.labelsMax)
    faults.add('removed', `has ${removed.length} keys; at most ${limits.labelsMax} are allowed`);
  for (const key of removed.slice(0, limits.labelsMax)) {
    if (Object.hasOwn(labels, key)) faults.add('removed', `has ${quote(key)}, which is in "labels", too`);
  }
  if (Object.keys(labels).length === 0 && removed.length === 0) faults.add('labels', 'is empty, and so is "removed"');
  return labels;
}
