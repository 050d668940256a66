/** A scripted agent, for `yardmaster agents fake`. */
export { createFakeAgent, type FakeAgent, type FakeAgentOptions } from './fake-agent.ts';
export { checkScript, type FakeScript, readScript } from './script.ts';
