/** Pages by keyset: a token names the last item of the page before, and means nothing to clients. */
import { limits } from '../../../core/limits.ts';
import type { Faults } from './faults.ts';

const TOKEN_PREFIX = 'k1.';
const TOKEN_CHARS_MAX = 1_024;

export interface PageRequest {
  /** Key of the last item of the page before; '' for the first page. */
  readonly after: string;
  readonly limit: number;
}

export function readPage(
  faults: Faults,
  request: { readonly pageSize: number; readonly pageToken: string },
): PageRequest {
  const { pageSize, pageToken } = request;
  const limit = pageSize === 0 ? limits.pageSizeDefault : Math.min(pageSize, limits.pageSizeMax);
  return { after: readToken(faults, pageToken), limit };
}

function readToken(faults: Faults, token: string): string {
  if (token === '') return '';
  const text = Buffer.from(token.slice(0, TOKEN_CHARS_MAX), 'base64url').toString('utf8');
  if (text.startsWith(TOKEN_PREFIX)) return text.slice(TOKEN_PREFIX.length);
  faults.add('page_token', 'is not a token of a page before');
  return '';
}

/** Of `found`, which was asked for with one item more than the page has. */
export function cutPage<T>(
  found: readonly T[],
  limit: number,
  keyOf: (item: T) => string,
): { items: readonly T[]; nextPageToken: string } {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  if (found.length <= limit || last === undefined) return { items, nextPageToken: '' };
  return { items, nextPageToken: writeToken(keyOf(last)) };
}

export function writeToken(key: string): string {
  return Buffer.from(`${TOKEN_PREFIX}${key}`).toString('base64url');
}
