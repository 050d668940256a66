/** A name or an IPv4 address, or an IPv6 address in brackets; then a port. */
const ADDRESS = /^(?:[A-Za-z0-9][A-Za-z0-9._-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\]):([0-9]{1,5})$/;
const PORT_MAX = 65_535;

/** True of `host:port` that can be dialled: no scheme, no path, port 1 to 65535. */
export function isAddress(text: string): boolean {
  const port = Number(ADDRESS.exec(text)?.[1] ?? 0);
  return port > 0 && port <= PORT_MAX;
}
