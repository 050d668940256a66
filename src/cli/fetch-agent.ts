/** One agent as the control plane has it, for commands that show it. */
import { YardmasterError } from '../core/errors.ts';
import type { Context } from './context.ts';

type Answer = Awaited<ReturnType<ReturnType<Context['api']>['fleet']['getAgent']>>;

export async function fetchAgent(context: Context, agentId: string): Promise<NonNullable<Answer['agent']>> {
  const { agent } = await context.api().fleet.getAgent({ agentId });
  if (agent === undefined) {
    throw new YardmasterError('AGENT_NOT_FOUND', `Cannot get agent "${agentId}": it was never seen`, {
      meta: { status: 'NOT_FOUND' },
      next: 'yardmaster agents list',
    });
  }
  return agent;
}
