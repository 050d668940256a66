/** What is on offer, and one capability in one version. */
import type { CapabilityOfferView } from '../../client/index.ts';
import { propertyLines } from './form.ts';
import type { ListOptions } from './lists.ts';
import { type Column, renderTable } from './table.ts';
import { safe } from './text.ts';

export function renderCapabilities(offers: readonly CapabilityOfferView[], options: ListOptions): string {
  const columns: readonly Column<CapabilityOfferView>[] = [
    { title: 'CAPABILITY', cell: ({ capability }) => safe(capability.name) },
    { title: 'VERSION', cell: ({ capability }) => versionOf(capability.version) },
    { title: 'READY', cell: ({ readyInstances, instances }) => `${readyInstances}/${instances}` },
    { title: 'IDEMPOTENT', cell: ({ capability }) => (capability.idempotent ? 'yes' : 'no') },
    { title: 'AGENTS', cell: ({ agentIds }) => agentIds.map(safe).join(',') },
    { title: 'SCHEMAS', cell: ({ clash }) => (clash ? 'CLASH' : ''), wide: false },
    { title: 'DESCRIPTION', wide: true, cell: ({ capability }) => safe(capability.description) },
  ];
  return renderTable(offers, columns, options);
}

export function renderOffer({
  capability,
  agentIds,
  instances,
  readyInstances,
  clashing,
  unchecked,
}: CapabilityOfferView): string {
  const { name, version, description, idempotent, inputSchema, outputSchema } = capability;
  const lines = [
    `${safe(name)} ${versionOf(version)}  ${readyInstances} of ${instances} ready: ${agentIds.map(safe).join(', ')}`,
    ...(description === '' ? [] : [`  ${safe(description)}`]),
    ...(idempotent ? ['  idempotent: may run twice without harm'] : []),
    ...section('input', propertyLines(inputSchema)),
    ...section('output', propertyLines(outputSchema)),
    ...unchecked.map((why) => `  not checked by the control plane: ${safe(why)}`),
    ...clashing.flatMap(clashLines),
  ];
  return lines.join('\n');
}

function clashLines({ agentIds, instances, differences }: CapabilityOfferView['clashing'][number]): readonly string[] {
  const count = instances === 1 ? '1 instance' : `${instances} instances`;
  return [
    `  CLASH: ${count} of ${agentIds.map(safe).join(', ')} state${instances === 1 ? 's' : ''} other schemas than these, which are of the one connected longest`,
    ...differences.map((difference) => `    ${safe(difference)}`),
  ];
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`  ${title}`, ...lines.map((line) => `  ${line}`)];
}

function versionOf(version: string): string {
  return version === '' ? '-' : safe(version);
}
