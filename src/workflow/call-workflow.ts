/**
 * The workflows of calls from agent to agent (MeshService.Invoke): one agent step that passes the input on and gives back what the
 * other handler returned. Nobody registers them. Their names hold a slash, which no registered name may, and together with the
 * version they say everything, so that a run of one can be read again at any time: `call/<capability>` or
 * `call/<capability>/<agent>`; the version is the number of tries.
 */
import { NAME_PATTERN } from '../core/ids.ts';
import { limits } from '../core/limits.ts';
import type { WorkflowDefinition } from './definition.ts';

const PREFIX = 'call/';
/** Its path in every run of a call. */
const STEP_ID = 'call';

export interface CalledCapability {
  readonly capability: string;
  /** '' : any that offers it. */
  readonly agentId: string;
}

export function callWorkflowName({ capability, agentId }: CalledCapability): string {
  return agentId === '' ? `${PREFIX}${capability}` : `${PREFIX}${capability}/${agentId}`;
}

/** True for what only the control plane itself starts. */
export function isCallWorkflow(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** What stands for a call, as somebody would have written it. Undefined: there is no such workflow. */
export function callDefinition(name: string, version: number): WorkflowDefinition | undefined {
  const [capability = '', agentId = '', ...rest] = name.slice(PREFIX.length).split('/');
  const isRight = isCallWorkflow(name) && rest.length === 0 && NAME_PATTERN.test(capability);
  if (!isRight || (agentId !== '' && !NAME_PATTERN.test(agentId))) return undefined;
  if (version < 1 || version > 1 + limits.callRetriesMax) return undefined;
  const step = {
    type: 'agent',
    id: STEP_ID,
    action: capability,
    dependencies: [],
    // As they are, undecoded: a large input stays where it is.
    parameters: '${{ params }}',
    retry: { tries: version },
    ...(agentId === '' ? {} : { agentId }),
  } as const;
  return { name, steps: [step], output: `\${{ steps.${STEP_ID}.output }}` };
}
