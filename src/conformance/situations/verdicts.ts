/** What the control plane says of capabilities. */
import { CapabilityVerdict } from '../../gen/yardmaster/v1/dispatch_pb.ts';
import { jsonOf } from '../attempts.ts';
import { check } from '../breach.ts';
import type { Situation } from '../situation.ts';
import { same } from './work.ts';

export const verdicts: readonly Situation[] = [
  {
    name: 'capability-refused',
    title: 'goes on with its other capabilities when one is refused',
    clauses: ['O-6'],
    async play(stage) {
      stage.need('echo', 'count');
      const running = stage.assign('count', { to: 10, delayMs: 100 });
      await stage.accepted(running);
      const state = stage.stream.hello?.state;
      const capabilities = (state?.capabilities ?? []).map(({ name, version }) => ({
        name,
        version,
        verdict: name === 'count' ? CapabilityVerdict.REJECTED : CapabilityVerdict.ACCEPTED,
        reason: name === 'count' ? 'its input_schema is no JSON Schema' : '',
      }));
      stage.stream.send({
        case: 'dispatch',
        value: { acks: { stateRevision: state?.revision ?? 0, capabilities } },
      });
      await stage.ends(stage.assign('echo', { on: true }), 'completed', { clauses: ['O-6'] });
      // What runs of the refused one may finish, as of one that vanished.
      const { output } = await stage.ends(running, 'completed', { withinMs: 4_000, clauses: ['O-6'] });
      check(same(jsonOf(output), { counted: 10 }), 'O-6', '{"counted":10}', JSON.stringify(jsonOf(output)));
      check(stage.streams.length === 1, 'O-6', 'the same stream', `${stage.streams.length} streams`);
    },
  },
];
