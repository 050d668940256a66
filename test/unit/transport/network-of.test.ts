/** Which addresses count as one. */
import { expect, test } from 'vitest';
import { networkOf } from '../../../src/control-plane/transport/network-of.ts';
import { StreamCaps } from '../../../src/control-plane/transport/stream-caps.ts';

test.each([
  ['10.0.0.1', '10.0.0.1'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['::FFFF:0a00:0001', '10.0.0.1'],
  ['0:0:0:0:0:ffff:255.255.255.255', '255.255.255.255'],
  ['2001:db8:1:2::', '2001:db8:1:2::/64'],
  ['2001:db8:1:2:ffff:ffff:ffff:ffff', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
  ['2001:db8:1:3::', '2001:db8:1:3::/64'],
  ['2001:db8:1:1:ffff:ffff:ffff:ffff', '2001:db8:1:1::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['::', '0:0:0:0::/64'],
  ['64:ff9b::10.0.0.1', '64:ff9b:0:0::/64'],
  ['::fffe:10.0.0.1', '0:0:0:0::/64'],
  ['[2001:db8::1]', '2001:db8:0:0::/64'],
  ['', ''],
  ['pipe', 'pipe'],
])('%s counts as %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});

test('a host that changes its address within its /64 has one share, and its neighbour has another', () => {
  const caps = new StreamCaps({ perAddressMax: 2 });
  expect(caps.enter('2001:db8:1:2::1:1001')).toBeUndefined();
  expect(caps.enter('2001:db8:1:2:ffff:ffff:ffff:ffff:1002')).toBeUndefined();
  expect(caps.enter('2001:db8:1:2:8000::1:1003')?.message).toContain('from "2001:db8:1:2::/64": 2 are open');
  expect(caps.enter('2001:db8:1:3::1:1001')).toBeUndefined();
  caps.leave('2001:db8:1:2::1:1001');
  expect(caps.enter('2001:db8:1:2:8000::1:1003')).toBeUndefined();
});

test('an IPv4 address has one share, however it came in', () => {
  const caps = new StreamCaps({ perAddressMax: 1 });
  expect(caps.enter('::ffff:10.0.0.1:1001')).toBeUndefined();
  expect(caps.enter('10.0.0.1:1002')?.message).toContain('from "10.0.0.1"');
  expect(caps.enter('::ffff:10.0.0.2:1001')).toBeUndefined();
});
