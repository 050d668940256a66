import type { Command } from 'commander';
import { satisfies, validRange } from 'semver';
import { type CapabilityOfferView, callWorkflow, collectPages, toOffer } from '../../client/index.ts';
import { YardmasterError } from '../../core/errors.ts';
import { nearest } from '../../core/nearest.ts';
import { writeCapabilityTypes } from '../capability-types.ts';
import { type Context, listOptions, say } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { followRun } from '../follow.ts';
import { collect, readPairs, usageError } from '../options.ts';
import { readParameters } from '../parameters.ts';
import { printList, printText } from '../print.ts';
import { renderCapabilities, renderOffer } from '../render/capabilities.ts';
import { writeText } from '../write-text.ts';
import type { Bind } from './group.ts';

export function addCapabilitiesCommands(program: Command, bind: Bind): void {
  const capabilities = program.command('capabilities').description('what agents can do, and trying it');
  capabilities
    .command('list')
    .description('every version on offer')
    .option('--search <words>', 'only with all these words in the name, version, description, labels or agents')
    .action(bind(listCapabilities));
  capabilities.command('get <name>').description('its versions, schemas and agents').action(bind(getCapability));
  capabilities
    .command('types')
    .description('typed constants of everything on offer, for workflows in TypeScript')
    .option('--out <file>', 'default: to stdout')
    .action(bind(writeTypes));
  capabilities
    .command('call <name>')
    .description('one step as a run of its own, "yardmaster.call.NAME"; prints the output')
    .option('-p, --parameter <key=value>', 'of the input, typed by its schema; may be repeated', collect, [])
    .option('--agent <id>', 'only this agent')
    .option('--version <range>', 'only versions in this semver range, such as ^1.2')
    .option('--label <key=value>', 'only agents with this label; may be repeated', collect, [])
    .action(bind(callCapability));
}

async function writeTypes(context: Context, { out }: { readonly out?: string }): Promise<number> {
  const offers = viewsOf(await fetchOffers(context));
  if (offers.length === 0)
    throw new YardmasterError(
      'CAPABILITY_NOT_FOUND',
      'Cannot write types: no agent is connected, so nothing is on offer',
      {
        next: 'start the agents, with the address of this control plane',
      },
    );
  const text = writeCapabilityTypes(offers, `yardmaster capabilities types${out === undefined ? '' : ` --out ${out}`}`);
  if (out === undefined) printText(context, text);
  else {
    await writeText(out, text);
    say(context, `wrote ${offers.length} capabilities to ${out}`);
  }
  return exitCodes.ok;
}

async function listCapabilities(context: Context, { search = '' }: { readonly search?: string }): Promise<number> {
  const messages = await fetchOffers(context, search);
  printList(context, {
    key: 'offers',
    messages,
    nameOf: ({ capability }) => capability?.name ?? '',
    text: () => renderCapabilities(viewsOf(messages), listOptions(context)),
    empty:
      search === ''
        ? 'no agent is connected, so nothing is on offer. next: start one, with the address of this control plane'
        : `nothing on offer has "${search}" in it. next: yardmaster capabilities list`,
  });
  return exitCodes.ok;
}

async function getCapability(context: Context, name: string): Promise<number> {
  const all = await fetchOffers(context);
  const messages = all.filter(({ capability }) => capability?.name === name);
  if (messages.length === 0) throw notOffered(name, viewsOf(all));
  printList(context, {
    key: 'offers',
    messages,
    nameOf: ({ capability }) => `${capability?.name}@${capability?.version}`,
    text: () => viewsOf(messages).map(renderOffer).join('\n'),
    empty: '',
  });
  return exitCodes.ok;
}

interface CallFlags {
  readonly parameter: readonly string[];
  readonly agent?: string;
  readonly version?: string;
  readonly label: readonly string[];
}

async function callCapability(
  context: Context,
  name: string,
  { parameter, agent, version, label }: CallFlags,
): Promise<number> {
  const offers = viewsOf(await fetchOffers(context));
  const labels = readPairs(label);
  const offer = findOffer(offers, name, { agent, version });
  const input = readParameters(parameter, offer.capability.inputSchema);
  const mesh = context.mesh();
  const { workflow } = await mesh.registerWorkflow(callWorkflow(name, { agentId: agent, version, labels }));
  const handle = await mesh.startWorkflow(workflow.name, input, {
    version: workflow.version,
    requestId: crypto.randomUUID(),
    ...(context.signal === undefined ? {} : { signal: context.signal }),
  });
  return followRun(context, handle.id);
}

/** The newest version on offer, in the range and of the agent if one is named. */
function findOffer(
  offers: readonly CapabilityOfferView[],
  name: string,
  { agent, version }: { readonly agent: string | undefined; readonly version: string | undefined },
): CapabilityOfferView {
  if (version !== undefined && validRange(version) === null)
    throw usageError(`Cannot read the version range "${version}": it is not like ^1.2 or ">=1.2 <3"`);
  const named = offers.filter(({ capability }) => capability.name === name);
  if (named.length === 0) throw notOffered(name, offers);
  const inRange =
    version === undefined ? named : named.filter(({ capability }) => satisfies(capability.version || '0.0.0', version));
  if (inRange.length === 0) {
    const versions = named.map(({ capability }) => capability.version || 'unversioned');
    throw new YardmasterError(
      'CAPABILITY_NOT_FOUND',
      `Cannot call "${name}" ${version}: it is offered in ${versions.join(', ')}`,
      { next: `yardmaster capabilities get ${name}` },
    );
  }
  const found = agent === undefined ? inRange[0] : inRange.find(({ agentIds }) => agentIds.includes(agent));
  if (found !== undefined) return found;
  const agents = [...new Set(inRange.flatMap(({ agentIds }) => agentIds))];
  throw new YardmasterError(
    'CAPABILITY_NOT_FOUND',
    `Cannot call "${name}" of agent "${agent}": it is offered by ${agents.join(', ')}`,
    { next: `yardmaster capabilities get ${name}` },
  );
}

function notOffered(name: string, offers: readonly CapabilityOfferView[]): YardmasterError {
  const near = nearest(
    name,
    offers.map(({ capability }) => capability.name),
  );
  const hint = near === undefined ? '' : `; did you mean "${near}"?`;
  return new YardmasterError('CAPABILITY_NOT_FOUND', `Cannot find capability "${name}": no agent offers it${hint}`, {
    next: 'yardmaster capabilities list',
  });
}

type OfferMessage = Awaited<ReturnType<typeof fetchOffers>>[number];

function fetchOffers(context: Context, search = '') {
  return collectPages(Number.POSITIVE_INFINITY, async (page) => {
    const { offers, nextPageToken } = await context.api().fleet.listCapabilities({ ...page, search });
    return { items: offers, nextPageToken };
  });
}

function viewsOf(messages: readonly OfferMessage[]): readonly CapabilityOfferView[] {
  return messages.map(toOffer).filter((offer) => offer !== undefined);
}
