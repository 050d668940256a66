/**
 * The items of a map as its body sees them. The list is one stored value; what is known of it beyond its bytes (where each item
 * stands) is kept beside the state, since it follows from them.
 */
import { YardmasterError } from '../../core/errors.ts';
import type { JsonValue } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import { type ListValue, readList } from '../../core/list-value.ts';
import { type StoredValue, storedSize } from '../../core/stored-value.ts';
import { decodeValue } from '../../core/value.ts';
import type { Draft } from './decision.ts';
import { type Frame, isMapStep } from './state.ts';

/** Lives as long as the state that has the list. */
const lists = new WeakMap<StoredValue, ListValue>();

/** The map around a frame and which of its items it is: what `item` and `index` mean there. */
export interface ItemView {
  readonly items: StoredValue;
  readonly index: number;
}

/** Of the innermost map; undefined outside of maps. */
export function itemViewOf(frame: Frame): ItemView | undefined {
  for (let at: Frame | undefined = frame; at?.owner !== undefined; at = at.owner.frame) {
    const items = isMapStep(at.owner) ? at.owner.detail?.map?.items : undefined;
    if (items !== undefined) return { items, index: at.number };
  }
  return undefined;
}

/** The list of a view unless it has been cut: its bytes are needed then. */
export function uncutList(frame: Frame): StoredValue | undefined {
  const view = itemViewOf(frame);
  return view === undefined || lists.has(view.items) ? undefined : view.items;
}

/** The bytes of the item; throws MissingValues. */
export function itemBytes(draft: Draft, { items, index }: ItemView): Uint8Array {
  return (lists.get(items) ?? cut(draft, items, 'the list'))?.item(index) ?? new Uint8Array();
}

export function readItem(draft: Draft, view: ItemView): JsonValue {
  return decodeValue(itemBytes(draft, view));
}

/** How many items the map has. Throws MissingValues, LIMIT, NOT_A_LIST and TOO_MANY_ITEMS. */
export function countItems(draft: Draft, items: StoredValue, path: string): number {
  const { length } = cut(draft, items, `"${path}"`);
  if (length <= limits.mapItemsMax) return length;
  throw new YardmasterError(
    'TOO_MANY_ITEMS',
    `Cannot run "${path}" over ${length} items: at most ${limits.mapItemsMax}`,
    { next: 'let each item be several of them, and the agent go through those' },
  );
}

function cut(draft: Draft, items: StoredValue, subject: string): ListValue {
  const size = storedSize(items);
  if (size > limits.expressionReadBytesMax) {
    throw new YardmasterError(
      'LIMIT',
      `Cannot go through the items of ${subject}: they have ${size} bytes, at most ${limits.expressionReadBytesMax}`,
      { next: 'let the items name the data, and the agent fetch it' },
    );
  }
  const bytes = draft.bytesOf(items);
  const list = readList(bytes);
  if (list !== undefined) {
    lists.set(items, list);
    return list;
  }
  throw new YardmasterError('NOT_A_LIST', `"items" of ${subject} is ${kindOf(decodeValue(bytes))}, not a list`, {
    next: 'name a list, such as ${{ steps.find.output.rows }}',
  });
}

function kindOf(value: JsonValue): string {
  if (value === null) return 'null';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
