/** Everything that may go wrong in a world. */
export const FAULT_KINDS = [
  'agentKilled',
  'agentPlug',
  'agentFrozen',
  'agentLeaves',
  'linkCut',
  'linkHalfOpen',
  'linkStall',
  'blackHole',
  'refused',
  'controlPlaneKilled',
  'controlPlaneFrozen',
  'controlPlaneStops',
  'diskBusy',
  'diskFull',
  'diskUnclear',
  'diskSlow',
  'diskUnreadable',
  'clockSet',
] as const;
/** Drawn with dice of their own: seeds from before they were known keep what they drew. */
export const LATER_KINDS: ReadonlySet<FaultKind> = new Set(['diskUnreadable', 'clockSet']);

export type FaultKind = (typeof FAULT_KINDS)[number];
