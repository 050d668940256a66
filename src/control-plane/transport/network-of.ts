/**
 * Who counts as one client where addresses have shares. Pure. One host may have a whole /64 of IPv6 and change its address in it
 * at will; IPv4 that came in over an IPv6 socket is IPv4.
 */
import { isIPv6 } from 'node:net';

const GROUPS = 8;
const NETWORK_GROUPS = 4;
/** The first six groups of an IPv4 address that is written as IPv6. */
const MAPPED = '0:0:0:0:0:ffff';

/** An IPv4 address as it is, that of an IPv6 address as its network, `2001:db8:1:2::/64`; anything else as it is. */
export function networkOf(address: string): string {
  const [plain = ''] = address.replace(/^\[|\]$/g, '').split('%');
  if (!isIPv6(plain)) return address;
  const groups = groupsOf(plain);
  const [high = 0, low = 0] = groups.slice(-2);
  if (join(groups.slice(0, -2)) === MAPPED) return [high >> 8, high & 255, low >> 8, low & 255].join('.');
  return `${join(groups.slice(0, NETWORK_GROUPS))}::/64`;
}

function groupsOf(address: string): readonly number[] {
  const [before = '', after = ''] = address.split('::');
  const [head, tail] = [read(before), read(after)];
  return [...head, ...new Array<number>(GROUPS - head.length - tail.length).fill(0), ...tail];
}

function read(part: string): readonly number[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}

function join(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(':');
}
