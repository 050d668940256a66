/**
 * The workflows of calls from agent to agent (MeshService.Invoke): one agent step that passes the input on and gives back what the
 * other handler returned. Nobody registers them. Their names hold a slash, which no registered name may, and together with the
 * version they say everything, so that a run of one can be read again at any time; the version is the number of tries. The name is
 * `call/<capability>`, then, where the call says so, `@<version range>`, `/<agent>` and `?<label>=<value>&...`, with labels in order and
 * encoded as in the query of a URL.
 */
import { validRange } from 'semver';
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
  /** A semver range. '' : any. */
  readonly version: string;
  /** That the instance must have. */
  readonly labels: Readonly<Record<string, string>>;
}

export function callWorkflowName({ capability, agentId, version, labels }: CalledCapability): string {
  const range = version === '' ? '' : `@${version}`;
  const agent = agentId === '' ? '' : `/${agentId}`;
  // Half a character, which JSON can carry, is no label that anybody has, and cannot be encoded.
  const encode = (text: string): string => encodeURIComponent(text.toWellFormed());
  const pairs = Object.entries(labels).map((pair) => pair.map(encode).join('='));
  return `${PREFIX}${capability}${range}${agent}${pairs.length === 0 ? '' : `?${pairs.sort().join('&')}`}`;
}

/** True for what only the control plane itself starts. */
export function isCallWorkflow(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** What stands for a call, as somebody would have written it. Undefined: there is no such workflow. */
export function callDefinition(name: string, version: number): WorkflowDefinition | undefined {
  if (!isCallWorkflow(name) || version < 1 || version > 1 + limits.callRetriesMax) return undefined;
  const called = readCallName(name);
  if (called === undefined) return undefined;
  const { capability, agentId, version: range, labels } = called;
  const step = {
    type: 'agent',
    id: STEP_ID,
    action: capability,
    dependencies: [],
    // As they are, undecoded: a large input stays where it is.
    parameters: '${{ params }}',
    retry: { tries: version },
    ...(agentId === '' ? {} : { agentId }),
    ...(range === '' ? {} : { version: range }),
    ...(Object.keys(labels).length === 0 ? {} : { agentLabels: labels }),
  } as const;
  return { name, steps: [step], output: `\${{ steps.${STEP_ID}.output }}` };
}

/** Undefined for what `callWorkflowName` gives to no call. */
export function readCallName(name: string): CalledCapability | undefined {
  if (name.length > limits.callNameCharsMax) return undefined;
  const [path = '', query = ''] = name.slice(PREFIX.length).split('?');
  const [asked = '', agentId = ''] = path.split('/');
  const [capability = '', version = ''] = asked.split('@');
  const labels = readLabels(query);
  if (labels === undefined || !NAME_PATTERN.test(capability)) return undefined;
  if (agentId !== '' && !NAME_PATTERN.test(agentId)) return undefined;
  if (version !== '' && validRange(version) === null) return undefined;
  const called = { capability, agentId, version, labels };
  // One call has one name: nothing empty, twice, or in another order.
  return callWorkflowName(called) === name ? called : undefined;
}

function readLabels(query: string): Readonly<Record<string, string>> | undefined {
  if (query === '') return {};
  try {
    const pairs = query.split('&').map((pair) => pair.split('=').map(decodeURIComponent));
    return Object.fromEntries(pairs.map(([key = '', value = '']) => [key, value]));
  } catch {
    // Not encoded as `callWorkflowName` does.
    return undefined;
  }
}
