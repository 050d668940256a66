/** A call of a capability is a run of a workflow with one step. */
import type { JsonObject } from '../core/json.ts';

const PREFIX = 'yardmaster.call.';

export interface CallOptions {
  readonly agentId?: string | undefined;
  /** Which of the parameters is the input; default: all of them are. */
  readonly argument?: string | undefined;
  /** A semver range of the capability. */
  readonly version?: string | undefined;
  /** Labels that the agent must have. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** The same for every call of a capability, so that it is registered once. */
export function callWorkflow(
  action: string,
  { agentId, argument, version, labels = {} }: CallOptions = {},
): { readonly name: string } & JsonObject {
  const parameters = argument === undefined ? '${{ params }}' : `\${{ params.${argument} }}`;
  const chosen = {
    ...(agentId === undefined ? {} : { agentId }),
    ...(version === undefined ? {} : { version }),
    ...(Object.keys(labels).length === 0 ? {} : { labels: { ...labels } }),
  };
  return {
    name: `${PREFIX}${action}`,
    description: `Calls of "${action}" by itself`,
    steps: [{ id: 'call', action, parameters, ...chosen }],
    output: '${{ steps.call.output }}',
  };
}

/** True for workflows that nobody has written. */
export function isCallWorkflow(name: string): boolean {
  return name.startsWith(PREFIX);
}
