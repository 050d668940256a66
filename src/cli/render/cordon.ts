/** What operators said of an instance. */
import type { InstanceView } from '../../client/index.ts';
import { safe } from './text.ts';
import { clockTime } from './time.ts';

/** `c2d8 draining by ops, 11:58:03: new kernel, to b.example:7420`; undefined: nothing was said. */
export function cordonText({ instanceId, cordon, status }: InstanceView, utc: boolean): string | undefined {
  // Of one that is gone there is nothing to wait for.
  if (cordon === undefined || status === 'LOST') return undefined;
  const { actor, time, reason, drain, addresses } = cordon;
  const since = time === undefined ? '' : `, ${clockTime(time, utc)}`;
  const why = reason === '' ? '' : `: ${safe(reason)}`;
  const to = addresses.length === 0 ? '' : `, to ${safe(addresses.join(' or '))}`;
  return `${safe(instanceId).slice(-4)} ${drain ? 'draining' : 'cordoned'} by ${safe(actor)}${since}${why}${to}`;
}
