/** `yardmaster/testing`: a mesh in one process with virtual time, agents whose answers and accidents a test decides. */
import { matchers } from './matchers.ts';

export type { StoreFaults } from '../control-plane/store/index.ts';
export { FaultyLinks } from './faulty-links.ts';
export { formatEntry, type HistoryEntry } from './history.ts';
export { matchers, type WithHistory } from './matchers.ts';
export { type MemoryEndpoint, MemoryNetwork } from './memory-link.ts';
export { MockAgent, type MockAgentOptions, type MockCall, type MockWorld } from './mock-agent.ts';
export type { FailureOptions, Offered, Response } from './mock-behaviour.ts';
export { type ListOf, TestMesh, type TestMeshOptions } from './test-mesh.ts';
export { TestRun } from './test-run.ts';
export { VirtualClock } from './virtual-clock.ts';

// Only inside a test of vitest: elsewhere importing it fails.
if (process.env.VITEST !== undefined) {
  const { expect } = await import('vitest');
  expect.extend(matchers);
}
