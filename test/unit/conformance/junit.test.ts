import { expect, test } from 'vitest';
import { type Outcome, writeJunit } from '../../../src/conformance/index.ts';

const base = { title: 'does <it>', clauses: ['T-1', 'T-2'], durationMs: 1_234 };

test('JUnit has a case per situation, with what failed and what is not there', () => {
  const outcomes: readonly Outcome[] = [
    { ...base, name: 'one', verdict: 'pass' },
    { ...base, name: 'two', verdict: 'unsupported', fact: 'no "count"' },
    {
      ...base,
      name: 'three',
      verdict: 'fail',
      broken: ['T-1'],
      expected: 'a & b',
      came: 'nothing',
      frames: ['   0.100 1 -> Beat 1'],
      output: ['cannot\u0007go on'],
    },
  ];
  expect(writeJunit(outcomes)).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="yardmaster agents check" tests="3" failures="1" skipped="1" time="3.702">
  <testcase classname="T-1 T-2" name="one: does &lt;it&gt;" time="1.234"/>
  <testcase classname="T-1 T-2" name="two: does &lt;it&gt;" time="1.234"><skipped message="no &quot;count&quot;"/></testcase>
  <testcase classname="T-1 T-2" name="three: does &lt;it&gt;" time="1.234"><failure message="T-1: expected a &amp; b; came nothing">   0.100 1 -&gt; Beat 1
cannotgo on</failure></testcase>
</testsuite>
`);
});
