import type { InstanceOffer, OfferedCapability } from './types.ts';

/** Whether two offers of an instance fit the same classes, so that only numbers and state have to be looked at again. */
export function isSameShape(a: InstanceOffer, b: InstanceOffer): boolean {
  return (
    a.namespace === b.namespace &&
    a.agentId === b.agentId &&
    isSameLabels(a.labels, b.labels) &&
    isSameCapabilities(a.capabilities, b.capabilities)
  );
}

function isSameLabels(a: InstanceOffer['labels'], b: InstanceOffer['labels']): boolean {
  if (a === b) return true;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && a[name] === b[name]);
}

function isSameCapabilities(a: readonly OfferedCapability[], b: readonly OfferedCapability[]): boolean {
  if (a === b) return true;
  return a.length === b.length && a.every((offered, at) => isSameCapability(offered, b[at]));
}

function isSameCapability(a: OfferedCapability, b: OfferedCapability | undefined): boolean {
  return b !== undefined && a.name === b.name && a.version === b.version && a.concurrency === b.concurrency;
}
