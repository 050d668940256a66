/** A call of a capability is a run of a workflow with one step. */
import type { JsonObject } from '../core/json.ts';

const PREFIX = 'yardmaster.call.';

/** The same for every call of a capability, so that it is registered once. `argument`: which of the parameters is the input. */
export function callWorkflow(
  action: string,
  { agentId, argument }: { readonly agentId?: string | undefined; readonly argument?: string | undefined } = {},
): { readonly name: string } & JsonObject {
  const parameters = argument === undefined ? '${{ params }}' : `\${{ params.${argument} }}`;
  return {
    name: `${PREFIX}${action}`,
    description: `Calls of "${action}" by itself`,
    steps: [{ id: 'call', action, parameters, ...(agentId === undefined ? {} : { agentId }) }],
    output: '${{ steps.call.output }}',
  };
}

/** True for workflows that nobody has written. */
export function isCallWorkflow(name: string): boolean {
  return name.startsWith(PREFIX);
}
