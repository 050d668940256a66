/** The runner of the documentation must be able to fail. */
import { describe, expect, test } from 'vitest';
import { compareOutput } from '../../docs/compare-output.ts';
import { maskOutput } from '../../docs/mask-output.ts';
import { readBlocks } from '../../docs/read-blocks.ts';

const fenced = (info: string): string => `before\n\n\`\`\`${info}\ntext\n\`\`\`\n`;

describe('a fence', () => {
  test.each(['', 'ts', 'sh', 'yaml', 'bash run', 'text'])('"%s" does not say what its block is', (info) => {
    const { blocks, problems } = readBlocks('page.md', fenced(info));
    expect(blocks).toEqual([]);
    expect(problems).toEqual([expect.stringContaining('page.md:3: ')]);
  });

  test.each(['sh run need=serve', 'sh norun=""'])('"%s" is a mistake', (info) => {
    expect(readBlocks('page.md', fenced(info)).problems).toHaveLength(1);
  });

  test('says what its block needs, is called and ends with', () => {
    const { blocks } = readBlocks('page.md', fenced('sh run needs=serve,grpcurl file=a.sh exit=2'));
    expect(blocks).toEqual([
      expect.objectContaining({ kind: 'sh run', line: 3, needs: ['serve', 'grpcurl'], file: 'a.sh', exitCode: 2 }),
    ]);
  });

  test('gives the reason for a block that is not run', () => {
    expect(readBlocks('page.md', fenced('sh norun="takes an hour"')).skipped).toEqual([
      { document: 'page.md', line: 3, why: 'takes an hour' },
    ]);
  });

  test('without an end is a problem', () => {
    expect(readBlocks('page.md', '```sh run\necho').problems).toEqual(['page.md:1: the block has no end']);
  });
});

describe('output', () => {
  test('fits with placeholders for words, the rest of a line and lines', () => {
    const shown = 'run=<id> RUNNING\n...\nrun=<id> COMPLETED ... ms\n';
    expect(
      compareOutput(shown, 'run=abc RUNNING\nstep one  \nstep two\nrun=abc COMPLETED in 12 ms\n\n'),
    ).toBeUndefined();
  });

  test.each([
    ['another word', 'a b\n', 'a c\n'],
    ['a line more', 'a\n', 'a\nb\n'],
    ['a line less', 'a\nb\n', 'a\n'],
    ['a character that means something to a pattern', 'a.b\n', 'axb\n'],
  ])('does not fit: %s', (_, shown, printed) => {
    expect(compareOutput(shown, printed)).toContain('the document shows');
  });
});

describe('output that is written into a page', () => {
  const printed = [
    '"runId": "01m8q4gwfm8d1yr6xrbdgycf1n",',
    '"attemptId": "01m8q4gwfm8d1yr6xrbdgycf1n/greet#1",',
    '"time": "2026-11-30T21:07:10.199Z", "duration": "0.093s", "beatInterval": "5s"',
    'node n-4e1c at 127.0.0.1:38113',
  ].join('\n');

  test('has placeholders for what differs from run to run, and nothing else', () => {
    expect(maskOutput(printed)).toBe(
      [
        '"runId": "<id>",',
        '"attemptId": "<id>/greet#1",',
        '"time": "<time>", "duration": "<duration>", "beatInterval": "5s"',
        'node <node> at 127.0.0.1:<port>',
      ].join('\n'),
    );
  });

  test('fits what was printed', () => {
    expect(compareOutput(maskOutput(printed), printed)).toBeUndefined();
  });
});
