/** Where the port is opened: loopback unless said otherwise, and by whom it is taken when it is. */
import { lookup } from 'node:dns/promises';
import { get } from 'node:http';
import { BlockList, isIP, isIPv6 } from 'node:net';
import { YardmasterError } from '../../core/errors.ts';
import { NODE_HEADER, PID_HEADER } from './http-pages.ts';

const PROBE_MS = 1_000;

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** True when every address of `host` is this machine's own. */
export async function isLoopbackHost(host: string): Promise<boolean> {
  const addresses = isIP(host) > 0 ? [host] : (await lookup(host, { all: true })).map(({ address }) => address);
  return addresses.every((address) => loopback.check(address, isIPv6(address) ? 'ipv6' : 'ipv4'));
}

/** Throws NON_LOOPBACK. */
export function refuseNonLoopback(host: string): never {
  const fact = 'it is reachable from other machines, and this version has no TLS and no authentication';
  throw new YardmasterError('NON_LOOPBACK', `Cannot listen on "${host}": ${fact}`, {
    meta: { host },
    next: 'listen on 127.0.0.1, or add --allow-non-loopback if the network is trusted',
  });
}

export function hostPort(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The error for a port that is taken: PORT_IN_USE, and who has it when that is a Yardmaster. */
export async function describeTakenPort(host: string, port: number): Promise<YardmasterError> {
  const owner = await findOwner(host, port);
  const fact = owner === undefined ? 'another program has it' : `it is Yardmaster ${owner.node}, pid ${owner.pid}`;
  const other = `\`--port ${port + 1}\``;
  return new YardmasterError('PORT_IN_USE', `Cannot listen on "${hostPort(host, port)}": ${fact}`, {
    meta: { host, port: String(port), ...owner },
    next: owner === undefined ? `stop that program, or ${other}` : `use it, or ${other}`,
  });
}

function findOwner(host: string, port: number): Promise<{ node: string; pid: string } | undefined> {
  return new Promise((resolve) => {
    const request = get({ host, port, path: '/livez', timeout: PROBE_MS, agent: false }, (response) => {
      const node = response.headers[NODE_HEADER];
      const pid = response.headers[PID_HEADER];
      response.resume();
      resolve(typeof node === 'string' && typeof pid === 'string' ? { node, pid } : undefined);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(undefined));
  });
}
