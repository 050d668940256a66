/** Reads a paged HTTP API to its end. */
import { z } from 'zod';

/** Far above what any source has: a server that never says "the end" must not be read for ever. */
const PAGES_MAX = 1_000;

const Page = z.object({
  total: z.int().positive(),
  items: z.array(z.record(z.string(), z.string())),
  /** Where the next page is, relative to this one; null: this was the last. */
  next: z.string().nullable(),
});

type Item = z.infer<typeof Page>['items'][number];

/** Throws when the API refuses, or when the pages do not hold what it said it has. */
export async function fetchPages(
  url: string,
  signal: AbortSignal,
  onPage: (done: number, total: number) => void,
): Promise<Item[]> {
  const items: Item[] = [];
  let next: string | null = url;
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const response = await fetch(next, { signal });
    if (!response.ok) throw new Error(`${next} answered ${response.status}`);
    const page = Page.parse(await response.json());
    items.push(...page.items);
    onPage(items.length, page.total);
    if (page.next === null) {
      if (items.length !== page.total) throw new Error(`${url} has ${page.total} items but gave ${items.length}`);
      return items;
    }
    next = new URL(page.next, next).href;
  }
  throw new Error(`${url} has more than ${PAGES_MAX} pages`);
}
