/** The example agent in this process, for the kit: good, or with a planted bug. */
import { createExampleAgent } from '../../../examples/agents/typescript/example/agent.ts';
import type { AgentExit, AgentLauncher } from '../../../src/conformance/index.ts';
import { TamperedLinks, type Tampering } from './tampered-links.ts';

/** `tampering` is made anew for every start, so that it may count. */
export function launchInProcess(tampering: () => Tampering = () => ({})): AgentLauncher {
  return (env) => {
    const links = new TamperedLinks(env.YARDMASTER_URL ?? '', tampering());
    const agent = createExampleAgent({
      id: env.YARDMASTER_AGENT_ID ?? '',
      slots: Number(env.YARDMASTER_SLOTS),
      links,
    });
    const { promise: exited, resolve } = Promise.withResolvers<AgentExit>();
    const errors: string[] = [];
    agent.start({ timeoutMs: 600_000 }).catch((error: unknown) => errors.push(String(error)));
    void agent.ended.then(() => resolve({ code: 0, signal: null }));
    return {
      exited,
      leave: () => void agent.stop({ graceMs: Number(env.YARDMASTER_GRACE_MS), reason: 'SIGTERM' }),
      kill: () => {
        links.die();
        resolve({ code: null, signal: 'SIGKILL' });
        void agent.stop({ graceMs: 0 });
      },
      output: () => errors,
    };
  };
}
