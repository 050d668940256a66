/** The directory: what is on offer, who disagrees about it, and how it is found. */
import { expect, test } from 'vitest';
import { renderOffer } from '../../../src/cli/render/capabilities.ts';
import { toOffer } from '../../../src/client/convert/fleet.ts';
import { isFound, writeOffers } from '../../../src/control-plane/api/convert/offer.ts';
import type { AgentView, InstanceView } from '../../../src/control-plane/runtime/control-plane.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { encodeValue } from '../../../src/core/value.ts';

let connectedAt = 0;

function agent(agentId: string, inputSchema: JsonObject | undefined, more: Partial<InstanceView> = {}): AgentView {
  connectedAt += 1;
  const capability = {
    name: 'extract',
    version: '1.2.0',
    description: 'Reads a table',
    idempotent: false,
    concurrency: 0,
    timeoutMs: 0,
    lossWindowMs: 0,
    labels: { region: 'us' },
    inputSchema: inputSchema === undefined ? undefined : encodeValue(inputSchema),
    outputSchema: undefined,
  };
  const instance = { agentId, status: 'READY', capabilities: [capability], connectedAt, ...more };
  // Only what offers are made of.
  return { agentId, status: 'READY', instances: [instance] } as unknown as AgentView;
}

const ROWS = { type: 'object', properties: { rows: { type: 'integer' } }, required: ['rows'] };
const TEXT = { type: 'object', properties: { rows: { type: 'string' }, 'a b': {} } };

test('instances that state other schemas are a clash: which, by whom, and what differs', () => {
  const [offer] = writeOffers(
    [agent('first', ROWS), agent('second', TEXT), agent('third', ROWS), agent('fourth', TEXT)],
    () => [],
  );
  expect(offer?.clash).toBe(true);
  expect(offer?.instances).toBe(4);
  expect(offer?.clashing.map(({ agentIds, instances }) => [agentIds, instances])).toEqual([[['fourth', 'second'], 2]]);
  expect(offer?.clashing[0]?.differences).toEqual([
    'input.properties.a b: nothing, here {}',
    'input.properties.rows.type: "integer", here "string"',
    'input.required: ["rows"], here nothing',
  ]);
  expect(offer?.clashing[0]?.inputSchema).toEqual(TEXT);
  const view = offer === undefined ? undefined : toOffer(offer);
  expect(view === undefined ? '' : renderOffer(view)).toContain(
    '  CLASH: 2 instances of fourth, second state other schemas than these, which are of the one connected longest\n    input.properties.a b: nothing, here {}\n',
  );
});

test('the same schema with its members in another order is no clash', () => {
  const { required, properties, type } = ROWS;
  const [offer] = writeOffers([agent('first', ROWS), agent('second', { required, properties, type })], () => []);
  expect([offer?.clash, offer?.instances]).toEqual([false, 2]);
});

test('where every instance states something else, ten are shown', () => {
  const agents = Array.from({ length: 30 }, (_, i) => agent(`agent-${i}`, { minimum: i }));
  const [offer] = writeOffers(agents, () => []);
  expect([offer?.instances, offer?.clashing.length]).toEqual([30, 10]);
});

test('a schema against none is a clash; the same schemas are none', () => {
  const [mixed] = writeOffers([agent('first', undefined), agent('second', ROWS)], () => []);
  expect(mixed?.clashing.flatMap(({ differences }) => differences)).toEqual([
    `input: nothing, here ${JSON.stringify(ROWS)}`,
  ]);
  const [same] = writeOffers([agent('first', ROWS), agent('second', ROWS)], () => []);
  expect([same?.clash, same?.clashing]).toEqual([false, []]);
});

test('whoever is not there states nothing', () => {
  const gone = { status: 'UNREACHABLE' } as const;
  const [offer] = writeOffers([agent('first', ROWS), agent('second', TEXT, gone)], () => []);
  expect([offer?.instances, offer?.clash]).toEqual([1, false]);
});

test.each([
  ['EXTRACT table', true],
  ['region=us', true],
  ['worker', true],
  ['1.2', true],
  ['extract nowhere', false],
])('a search for "%s": %s', (search, found) => {
  const [offer] = writeOffers([agent('worker-1', ROWS)], () => []);
  expect(offer !== undefined && isFound(offer, search)).toBe(found);
});
