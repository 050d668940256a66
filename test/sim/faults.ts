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
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];
