/** The conformance kit: plays scripted situations with an agent and says which clauses of docs/protocol.md it breaks. */
export { type AgentExit, type AgentLauncher, launchProcess, type RunningAgent } from './agent-launcher.ts';
export { INSPECTED } from './inspect.ts';
export { writeJunit } from './junit.ts';
export { type Failure, type Outcome, type PlayOptions, playAll } from './play.ts';
export type { Situation } from './situation.ts';
export { situations } from './situations/index.ts';
