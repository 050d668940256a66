/** The names of calls between agents: each says one call, and all of it. */
import { expect, it } from 'vitest';
import { limits } from '../../../src/core/limits.ts';
import { type CalledCapability, callDefinition, callWorkflowName } from '../../../src/workflow/call-workflow.ts';

const call = (more: Partial<CalledCapability> = {}): CalledCapability => ({
  capability: 'work',
  agentId: '',
  version: '',
  labels: {},
  ...more,
});

it.each<[string, Partial<CalledCapability>]>([
  ['call/work', {}],
  ['call/work/ada', { agentId: 'ada' }],
  ['call/work@^1.2', { version: '^1.2' }],
  ['call/work@>=1.2 <3 || 5.x/ada', { version: '>=1.2 <3 || 5.x', agentId: 'ada' }],
  ['call/work?os=linux&region=us', { labels: { region: 'us', os: 'linux' } }],
  [
    'call/work@*/ada?a%2Fb%3F%26%3D%40=%25%20%C3%A9&e=',
    { version: '*', agentId: 'ada', labels: { 'a/b?&=@': '% é', e: '' } },
  ],
])('%s is read as it was written', (name, more) => {
  expect(callWorkflowName(call(more))).toBe(name);
  const { agentId = '', version = '', labels = {} } = more;
  expect(callDefinition(name, 3)).toEqual({
    name,
    steps: [
      {
        type: 'agent',
        id: 'call',
        action: 'work',
        dependencies: [],
        parameters: '${{ params }}',
        retry: { tries: 3 },
        ...(agentId !== '' && { agentId }),
        ...(version !== '' && { version }),
        ...(Object.keys(labels).length > 0 && { agentLabels: labels }),
      },
    ],
    output: '${{ steps.call.output }}',
  });
});

it.each([
  'work',
  'call/',
  'call/a b',
  'call/work/',
  'call/work/a/b',
  'call/work@',
  'call/work@one',
  'call/work@^1@^2',
  'call/work/ada@^1',
  'call/work?',
  'call/work?b=1&a=2',
  'call/work?a=1&a=2',
  'call/work?a',
  'call/work?a=1=2',
  'call/work?a=b c',
  'call/work?a=%',
  'call/work?a=1?b=2',
  `call/work?a=${'x'.repeat(limits.callNameCharsMax)}`,
])('%s names no call', (name) => {
  expect(callDefinition(name, 1)).toBeUndefined();
});

it('a label with half a character has a name, too', () => {
  expect(callWorkflowName(call({ labels: { a: '\ud800' } }))).toBe('call/work?a=%EF%BF%BD');
});
