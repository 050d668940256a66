/**
 * The versions whose types those of a constant stand for. It names no more than it must: a later attempt of a step may be made by newer
 * code, and is to ask for the same as the one before, unless the types have changed.
 */
const VERSION = /^(\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?/;

/** `1.4.2` is `^1`, `0.4.2` is `^0.4`; before a release, and in `0.0.x`, nothing is known to be compatible. */
export function compatibleRange(version: string): string {
  const [exact = '', major = '', minor = '', , prerelease] = VERSION.exec(version) ?? [];
  if (exact === '') return '';
  if (prerelease !== undefined) return `^${exact}`;
  if (major !== '0') return `^${major}`;
  return minor === '0' ? `^${exact}` : `^0.${minor}`;
}
