/** What a fleet can do, as tools: one for each capability on offer, one for each workflow. */
import type { Tool } from '@modelcontextprotocol/server';
import type { CapabilityOfferView, WorkflowView } from '../client/index.ts';
import { isCallWorkflow } from '../client/index.ts';
import type { JsonObject } from '../core/json.ts';

/** What a tool does when it is called. */
export type Target =
  | { readonly kind: 'capability'; readonly name: string }
  | { readonly kind: 'workflow'; readonly name: string };

export interface FleetTool {
  readonly tool: Tool;
  readonly target: Target;
  /** The input is no object, so the tool has one argument of this name that is. */
  readonly argument: string | undefined;
}

/** Names that every host of MCP takes. */
const NAME_CHARS_MAX = 64;
const WORKFLOW_PREFIX = 'run_';
const ARGUMENT = 'input';

/** `offers`: by name, newest version first. Names are the same whenever the fleet is. */
export function toolsOf(
  offers: readonly CapabilityOfferView[],
  workflows: readonly WorkflowView[],
): readonly FleetTool[] {
  const seen = new Set<string>();
  const newest = offers.filter(({ capability: { name } }) => !seen.has(name) && seen.add(name));
  const written = workflows.filter(({ name }) => !isCallWorkflow(name));
  const names = new Names();
  return [
    ...newest.map((offer) => capabilityTool(offer, names)),
    ...written.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map((workflow) => workflowTool(workflow, names)),
  ];
}

function capabilityTool({ capability, agentIds }: CapabilityOfferView, names: Names): FleetTool {
  const { name, version, description, idempotent, inputSchema, outputSchema } = capability;
  const isObject = inputSchema === undefined || inputSchema.type === undefined || inputSchema.type === 'object';
  const by = `Done by ${agentIds.length === 1 ? 'agent' : 'agents'} ${agentIds.slice(0, 5).join(', ')}${agentIds.length > 5 ? ', ...' : ''}.`;
  return {
    target: { kind: 'capability', name },
    argument: isObject ? undefined : ARGUMENT,
    tool: {
      name: names.take(name),
      title: version === '' ? name : `${name} ${version}`,
      description: description === '' ? by : `${description}\n\n${by}`,
      inputSchema: isObject ? objectOf(inputSchema) : wrapped(inputSchema),
      ...(outputSchema?.type === 'object' ? { outputSchema: objectOf(outputSchema) } : {}),
      annotations: { idempotentHint: idempotent },
    },
  };
}

function workflowTool({ name, label, description, parameters }: WorkflowView, names: Names): FleetTool {
  return {
    target: { kind: 'workflow', name },
    argument: undefined,
    tool: {
      name: names.take(`${WORKFLOW_PREFIX}${name}`),
      title: label === '' ? name : label,
      description: description === '' ? `Runs the workflow ${name} to its end.` : description,
      inputSchema: objectOf(parameters),
    },
  };
}

type ObjectSchema = Tool['inputSchema'];

function objectOf(schema: JsonObject | undefined): ObjectSchema {
  return { ...schema, type: 'object' };
}

function wrapped({ $defs, ...own }: JsonObject): ObjectSchema {
  const schema: JsonObject = { properties: { [ARGUMENT]: own }, required: [ARGUMENT] };
  return objectOf($defs === undefined ? schema : { ...schema, $defs });
}

/** Names without what hosts refuse, each once. */
class Names {
  readonly #taken = new Set<string>();

  take(name: string): string {
    const base = name.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, NAME_CHARS_MAX);
    let free = base;
    for (let i = 2; this.#taken.has(free); i++) free = `${base.slice(0, NAME_CHARS_MAX - `_${i}`.length)}_${i}`;
    this.#taken.add(free);
    return free;
  }
}
