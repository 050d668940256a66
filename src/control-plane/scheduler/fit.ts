import semver from 'semver';
import type { CandidateReason, InstanceOffer, OfferedCapability, StepClass } from './types.ts';

/** A class with its version range parsed, once. */
export interface ClassDemand {
  readonly class: StepClass;
  /** undefined: any version; null: a range that no version satisfies because it is none. */
  readonly range: semver.Range | null | undefined;
}

export type Fit =
  | { readonly fits: true; readonly capability: OfferedCapability }
  | {
      readonly fits: false;
      readonly reason: Extract<CandidateReason, 'capability' | 'version' | 'agent' | 'label'>;
      readonly detail: string;
    };

export function demandOf(stepClass: StepClass): ClassDemand {
  return { class: stepClass, range: parseRange(stepClass.versionRange) };
}

/** Whether an instance could ever take steps of the class, whatever it is doing now; both are of one namespace. */
export function fitOf(demand: ClassDemand, offer: InstanceOffer): Fit {
  const { agentId, capability, labels } = demand.class;
  if (agentId !== '' && agentId !== offer.agentId) return misfit('agent', `is ${offer.agentId}`);
  const named = offer.capabilities.filter((offered) => offered.name === capability);
  const [first] = named;
  if (first === undefined) return misfit('capability', `no ${capability}`);
  const suitable = named.find((offered) => isInRange(offered.version, demand.range));
  if (suitable === undefined) return misfit('version', `${capability}@${first.version || 'unversioned'}`);
  for (const [name, value] of Object.entries(labels)) {
    const has = Object.hasOwn(offer.labels, name) ? offer.labels[name] : undefined;
    if (has !== value) return misfit('label', has === undefined ? `no ${name}` : `${name}=${has}`);
  }
  return { fits: true, capability: suitable };
}

function misfit(reason: 'capability' | 'version' | 'agent' | 'label', detail: string): Fit {
  return { fits: false, reason, detail };
}

function parseRange(text: string): ClassDemand['range'] {
  if (text === '') return undefined;
  // `validRange` answers null where the constructor throws.
  return semver.validRange(text) === null ? null : new semver.Range(text);
}

/** A capability without a version is 0.0.0, as the protocol says. */
function isInRange(version: string, range: ClassDemand['range']): boolean {
  if (range === undefined) return true;
  return range?.test(version || '0.0.0') ?? false;
}
