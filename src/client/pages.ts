import { limits } from '../core/limits.ts';

interface Page<T> {
  readonly items: readonly T[];
  /** Empty: this was the last page. */
  readonly nextPageToken: string;
}

interface PageRequest {
  readonly pageSize: number;
  readonly pageToken: string;
}

/** All items, at most `limit`, page by page. */
export async function collectPages<T>(
  limit: number,
  load: (request: PageRequest) => Promise<Page<T>>,
): Promise<readonly T[]> {
  const all: T[] = [];
  let pageToken = '';
  while (all.length < limit) {
    const { items, nextPageToken } = await load({
      pageSize: Math.min(limits.pageSizeMax, limit - all.length),
      pageToken,
    });
    all.push(...items);
    if (nextPageToken === '' || nextPageToken === pageToken) break;
    pageToken = nextPageToken;
  }
  return all;
}
