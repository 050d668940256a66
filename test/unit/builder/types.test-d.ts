/** Checked by tsc alone: a line below an @ts-expect-error must not compile, every other line must. */
import { z } from 'zod';
import type { Capability } from '../../../src/core/capability.ts';
import {
  cel,
  type OutputOf,
  type ParamsOf,
  type StepsOf,
  type Workflow,
  WorkflowBuilder,
  type WorkflowOutputOf,
} from '../../../src/workflow/builder/index.ts';
import { clean, extract, notify } from './capabilities.ts';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function expectSame<A, B>(..._: Same<A, B> extends true ? [] : ['the types differ', A, B]): void {}

// A capability: one constant, four views.
expectSame<
  typeof notify,
  Capability<
    { text?: string | undefined },
    { delivered: boolean },
    { text: string },
    { delivered?: boolean | undefined }
  >
>();

// The workflow of experience.md section 2.
export const nightly = new WorkflowBuilder('Nightly')
  .description('Copy a table every night')
  .params(z.object({ table: z.string() }))
  .step('extract', { action: extract, parameters: ({ params }) => ({ table: params.table }) })
  .step('clean', {
    action: clean,
    retries: 2,
    timeout: '1m',
    when: ({ steps }) => cel<boolean>`${steps.extract.output.bytes} > 0`,
    parameters: ({ steps }) => ({ rows: steps.extract.output.rows }),
  })
  .output(({ steps }) => ({ kept: steps.clean.output.kept, why: 'nightly' }))
  .build();
expectSame<ParamsOf<typeof nightly>, { table: string }>();
expectSame<WorkflowOutputOf<typeof nightly>['kept'], number>();
expectSame<StepsOf<typeof nightly>['clean']['kept'], number>();
export const anyWorkflow: Workflow = nightly;

const start = new WorkflowBuilder('T').params(z.object({ table: z.string(), deep: z.object({ n: z.number() }) }));
const extracted = start.step('extract', { action: extract, parameters: ({ params }) => ({ table: params.table }) });

// What a callback answers must be what the action takes.
start.step('a', { action: extract, parameters: { table: 'orders' } });
start.step('a', { action: extract, parameters: ({ params }) => ({ table: params.table, limit: params.deep.n }) });
start.step('a', { action: extract, parameters: ({ params }) => ({ table: cel<string>`${params.table} + "s"` }) });
// @ts-expect-error a number is not a table
start.step('a', { action: extract, parameters: ({ params }) => ({ table: params.deep.n }) });
// @ts-expect-error the table is missing
start.step('a', { action: extract, parameters: () => ({}) });
// @ts-expect-error parameters are required
start.step('a', { action: extract });
// @ts-expect-error an expression's type counts too
start.step('a', { action: extract, parameters: () => ({ table: cel<number>`1 + 1` }) });
start.step('a', { action: notify });
// @ts-expect-error no such parameter of the workflow
start.step('a', { action: extract, parameters: ({ params }) => ({ table: params.tabel }) });
// @ts-expect-error not an option
start.step('a', { action: notify, retires: 3 });

// A typo is found. Its message (TS2551, "did you mean") is checked in type-messages.test.ts.
// @ts-expect-error steps.extrct
extracted.step('b', { action: clean, parameters: ({ steps }) => ({ rows: steps.extrct.output.rows }) });
// @ts-expect-error a step does not see itself
extracted.step('b', { action: clean, parameters: ({ steps }) => ({ rows: steps.b.output.rows }) });
// @ts-expect-error bytes are not rows
extracted.step('b', { action: clean, parameters: ({ steps }) => ({ rows: steps.extract.output.bytes }) });

// Lists: an index is a recorder of an item; what may be missing is not good enough for what must be there.
extracted.step('b', {
  action: extract,
  parameters: ({ steps }) => ({ table: 'x', limit: steps.extract.output.rows[0].id }),
});
extracted.step('b', {
  action: extract,
  // @ts-expect-error species may be missing
  parameters: ({ steps }) => ({ table: steps.extract.output.rows[0].species }),
});
// @ts-expect-error methods and length are not recorded
extracted.output(({ steps }) => steps.extract.output.rows.length);
extracted.step('b', {
  action: clean,
  parameters: ({ steps }) => ({ rows: [steps.extract.output.rows[0], { id: 1 }] }),
});

// A condition is an expression, never a JavaScript comparison.
extracted.step('b', { action: notify, when: 'steps.extract.output.bytes > 0' });
// @ts-expect-error a recorder is no condition
extracted.step('b', { action: notify, when: ({ steps }) => steps.extract.output.bytes });
// @ts-expect-error JavaScript would compare now
extracted.step('b', { action: notify, when: ({ steps }) => Object.is(steps.extract.output.bytes, 0) });
// @ts-expect-error a number is no condition
extracted.step('b', { action: notify, when: () => cel<number>`1` });

// A shaped output is what later steps see.
const shaped = extracted.step('shape', {
  action: extract,
  parameters: { table: 't' },
  output: ({ result }) => ({ first: result.rows[0].id, fixed: 'x' }),
  assert: ({ result }) => cel<boolean>`size(${result.rows}) > 0`,
});
const shapedOutput = shaped.output(({ steps }) => steps.shape.output).build();
expectSame<WorkflowOutputOf<typeof shapedOutput>['first'], number>();
// @ts-expect-error the raw result is gone
shaped.output(({ steps }) => steps.shape.output.bytes);

// Children of a parallel: seen by later steps, not by each other.
const fanned = start.parallel('fan', {
  steps: [
    { id: 'one', action: extract, parameters: ({ params }) => ({ table: params.table }) },
    { id: 'two-b', type: 'agent', action: clean, parameters: { rows: [] } },
    { id: 'plain', action: 'anything', parameters: { a: 1 } },
  ],
});
const fannedOutput = fanned
  .step('after', { action: clean, parameters: ({ steps }) => ({ rows: steps.one.output.rows }) })
  .output(({ steps }) => ({
    kept: steps['two-b'].output.kept,
    bytes: steps.fan.output.one.bytes,
    plain: steps.plain.output.x,
  }))
  .build();
expectSame<WorkflowOutputOf<typeof fannedOutput>['kept'], number>();
expectSame<WorkflowOutputOf<typeof fannedOutput>['bytes'], number>();
// @ts-expect-error no such child
fanned.output(({ steps }) => steps.three.output);
start.parallel('fan', {
  steps: [
    { id: 'one', action: extract, parameters: { table: 'x' } },
    // @ts-expect-error a sibling is not seen
    { id: 'two', action: clean, parameters: ({ steps }) => ({ rows: steps.one.output.rows }) },
  ],
});
start.parallel('fan', {
  steps: [
    // @ts-expect-error a number is not a table
    { id: 'one', action: extract, parameters: ({ params }) => ({ table: params.deep.n }) },
  ],
});
start.parallel('fan', {
  steps: [
    // @ts-expect-error not an option
    { id: 'one', action: 'x', retires: 3 },
  ],
});

// Children of a sequential see those before them.
const row = start.sequential('row', {
  steps: [
    { id: 'first', action: extract, parameters: ({ params }) => ({ table: params.table }) },
    { id: 'second', action: clean, parameters: ({ steps }) => ({ rows: steps.first.output.rows }) },
  ],
});
const rowOutput = row.output(({ steps }) => ({ own: steps.row.output.kept, rows: steps.first.output.rows })).build();
expectSame<WorkflowOutputOf<typeof rowOutput>['own'], number>();
start.sequential('row', {
  steps: [
    // @ts-expect-error a later sibling is not seen
    { id: 'first', action: clean, parameters: ({ steps }) => ({ rows: steps.second.output.rows }) },
    { id: 'second', action: extract, parameters: { table: 'x' } },
  ],
});

// Blocks in blocks: what is below is seen by later steps, at any depth.
const nested = start.sequential('outer', {
  steps: [
    { id: 'zero', action: extract, parameters: ({ params }) => ({ table: params.table }) },
    {
      id: 'inner',
      type: 'parallel',
      steps: [
        {
          id: 'deep-one',
          action: extract,
          parameters: ({ steps }) => ({ table: cel<string>`string(${steps.zero.output.bytes})` }),
        },
        {
          id: 'deeper',
          type: 'sequential',
          steps: [{ id: 'leaf', action: clean, parameters: ({ steps }) => ({ rows: steps.zero.output.rows }) }],
        },
      ],
    },
    { id: 'last', action: clean, parameters: ({ steps }) => ({ rows: steps.zero.output.rows }) },
  ],
});
const nestedOutput = nested
  .output(({ steps }) => ({
    kept: steps.leaf.output.kept,
    bytes: steps['deep-one'].output.bytes,
    own: steps.outer.output.kept,
  }))
  .build();
expectSame<WorkflowOutputOf<typeof nestedOutput>['kept'], number>();
expectSame<WorkflowOutputOf<typeof nestedOutput>['bytes'], number>();
expectSame<WorkflowOutputOf<typeof nestedOutput>['own'], number>();
// @ts-expect-error no such leaf
nested.output(({ steps }) => steps.laef.output.kept);

// Steps that nobody works on: a wait gives nothing, a signal says who sent what.
const held = extracted
  .wait('cool', { for: '5m' })
  .wait('open', { until: ({ params }) => params.table })
  .signal('approve', {
    signal: 'go',
    title: ({ params }) => cel<string>`"Copy " + ${params.table} + "?"`,
    timeout: '2d',
  })
  .signal('shaped', { signal: 'go', output: ({ result }) => ({ by: result.actor, at: 1 }) })
  .parallel('both', {
    steps: [
      { id: 'rest', type: 'wait', for: 1_000 },
      { id: 'clean', action: clean, parameters: ({ steps }) => ({ rows: steps.extract.output.rows }) },
    ],
  })
  .output(({ steps }) => ({
    who: steps.approve.output.actor,
    late: steps.approve.output.timedOut,
    by: steps.shaped.output.by,
    kept: steps.clean.output.kept,
  }))
  .build();
expectSame<WorkflowOutputOf<typeof held>['who'], string | null>();
expectSame<WorkflowOutputOf<typeof held>['late'], boolean>();
expectSame<WorkflowOutputOf<typeof held>['by'], string | null>();
expectSame<WorkflowOutputOf<typeof held>['kept'], number>();
// @ts-expect-error a wait has one end
start.wait('w', { for: 1, until: 'now' });
// @ts-expect-error a wait has an end
start.wait('w', {});
// @ts-expect-error a signal has a name
start.signal('s', {});
// A run of another workflow: of one that was built the types are known, of a name they are not.
const calling = extracted
  .workflow('night', { workflow: nightly, parameters: ({ params }) => ({ table: params.table }) })
  .workflow('shaped', {
    workflow: nightly,
    version: 2,
    parameters: { table: 'orders' },
    output: ({ result }) => ({ half: result.kept }),
  })
  .workflow('named', { workflow: 'Nightly', parameters: { anything: 1 } })
  .parallel('both', { steps: [{ id: 'inner', type: 'workflow', workflow: nightly, parameters: { table: 'x' } }] })
  .output(({ steps }) => ({
    kept: steps.night.output.kept,
    half: steps.shaped.output.half,
    any: steps.named.output.whatever,
  }))
  .build();
expectSame<WorkflowOutputOf<typeof calling>['kept'], number>();
expectSame<WorkflowOutputOf<typeof calling>['half'], number>();
// @ts-expect-error the table is missing
extracted.workflow('night', { workflow: nightly, parameters: {} });
// @ts-expect-error parameters are required
extracted.workflow('night', { workflow: nightly });
// @ts-expect-error bytes are no table
extracted.workflow('night', { workflow: nightly, parameters: ({ steps }) => ({ table: steps.extract.output.bytes }) });
// @ts-expect-error a run of a workflow has its name
extracted.workflow('night', {});

// A loop: its body is a row, its conditions see the loop, and after it there is only its output.
const looped = start.loop('poll', {
  until: ({ last, iteration }) => cel<boolean>`${last.kept} > 3 || ${iteration} > 2`,
  maxIterations: 9,
  delay: '2s',
  body: [
    { id: 'first', action: extract, parameters: ({ params }) => ({ table: params.table }) },
    { id: 'second', action: clean, parameters: ({ steps }) => ({ rows: steps.first.output.rows }) },
  ],
});
const loopedOutput = looped.output(({ steps }) => ({ kept: steps.poll.output.kept })).build();
expectSame<WorkflowOutputOf<typeof loopedOutput>['kept'], number>();
// @ts-expect-error the steps of a body are not seen outside
looped.output(({ steps }) => steps.first.output);
// @ts-expect-error a loop has a limit
start.loop('poll', { until: 'true', body: [{ id: 'first', action: 'x' }] });
start.sequential('row', {
  steps: [
    { id: 'zero', action: extract, parameters: ({ params }) => ({ table: params.table }) },
    {
      id: 'inner',
      type: 'loop',
      while: ({ iteration }) => cel<boolean>`${iteration} < 3`,
      maxIterations: 3,
      body: [{ id: 'leaf', action: clean, parameters: ({ steps }) => ({ rows: steps.zero.output.rows }) }],
    },
  ],
});

// A map: after it there is the list of what its step gave.
const mapped = start.map('each', {
  items: ({ params }) => [params.table, 'more'],
  concurrency: 5,
  onFailure: 'failFast',
  step: { id: 'one', action: extract, retries: 2, parameters: ({ item }) => ({ table: item.name }) },
});
const mappedOutput = mapped
  .output(({ steps }) => ({ all: steps.each.output, first: steps.each.output[0].rows }))
  .build();
expectSame<WorkflowOutputOf<typeof mappedOutput>['all'], readonly OutputOf<typeof extract>[]>();
expectSame<WorkflowOutputOf<typeof mappedOutput>['first'], OutputOf<typeof extract>['rows']>();
// @ts-expect-error the step of a map is not seen outside
mapped.output(({ steps }) => steps.one.output);
// @ts-expect-error its input is checked
start.map('m', { items: 'params.list', step: { id: 'one', action: extract, parameters: { tabel: 'x' } } });
// @ts-expect-error a map has items
start.map('m', { step: { id: 'one', action: 'x' } });
// @ts-expect-error a map has one step
start.map('m', { items: [], step: [{ id: 'one', action: 'x' }] });
const rows = start
  .map('rows', {
    items: cel<readonly string[]>`["a", "b"]`,
    quorum: 1,
    step: {
      id: 'row',
      type: 'sequential',
      steps: [
        { id: 'get', action: extract, parameters: ({ item }) => ({ table: item }) },
        { id: 'note', action: 'note', parameters: ({ index }) => ({ index }) },
      ],
    },
  })
  .output(({ steps }) => ({ all: steps.rows.output, first: steps.rows.output[0].what.ever }))
  .build();
expectSame<WorkflowOutputOf<typeof rows>['all']['length'], number>();
start.sequential('outer', {
  steps: [{ id: 'within', type: 'map', items: 'params.list', step: { id: 'leaf', action: 'x' } }],
});

// The plain form is untyped and says so: any.
const plain = new WorkflowBuilder('Plain').step('a', { action: 'x', agentId: 'y', parameters: { source: 'db1' } });
plain.step('b', {
  action: clean,
  parameters: ({ steps, params }) => ({ rows: steps.a.output.what.ever[3], x: params.y.z }),
});
plain.step('b', { action: 'x', parameters: ({ steps, params }) => ({ a: steps.a.output.b, c: params.d }) });
plain.step('b', { action: 'x', parameters: ({ steps }) => steps.a.output });
plain.step('b', { action: 'x', parameters: '${{ steps.a.output }}' });
// @ts-expect-error its steps are still known by id
plain.step('b', { action: 'x', parameters: ({ steps }) => steps.c.output });
plain.parallel('p', { steps: [{ id: 'b', action: 'x', parameters: ({ steps }) => steps.a.output }] });

// A condition: each branch sees what stands before the block and its own steps; later steps see both branches.
const decided = start.condition('decide', {
  if: ({ params }) => cel<boolean>`${params.deep.n} > 4`,
  then: [
    { id: 'fetch', action: extract, parameters: ({ params }) => ({ table: params.table }) },
    { id: 'tidy', action: clean, parameters: ({ steps }) => ({ rows: steps.fetch.output.rows }) },
  ],
  else: [{ id: 'tell', action: notify, parameters: { text: 'no' } }],
});
const decidedOutput = decided
  .output(({ steps }) => ({
    own: steps.decide.output,
    rows: steps.fetch.output.rows,
    sent: steps.tell.output.delivered,
  }))
  .build();
expectSame<WorkflowOutputOf<typeof decidedOutput>['own'], OutputOf<typeof clean> | OutputOf<typeof notify>>();
expectSame<WorkflowOutputOf<typeof decidedOutput>['sent'], boolean>();
start.condition('c', {
  if: 'params.deep.n > 4',
  then: [{ id: 'fetch', action: extract, parameters: { table: 'x' } }],
  // @ts-expect-error the other branch is not seen
  else: [{ id: 'tidy', action: clean, parameters: ({ steps }) => ({ rows: steps.fetch.output.rows }) }],
});
// @ts-expect-error a recorder is no condition
start.condition('c', { if: ({ params }) => params.deep.n, then: [{ id: 'a', action: 'x' }] });
const half = start
  .condition('half', { if: 'true', then: [{ id: 'a', action: clean, parameters: { rows: [] } }] })
  .output(({ steps }) => ({ own: steps.half.output }))
  .build();
expectSame<WorkflowOutputOf<typeof half>['own'], OutputOf<typeof clean> | null>();

// A switch: the union of what its cases give.
const switched = start.switch('by-table', {
  switch: ({ params }) => params.table,
  cases: [
    {
      equals: 'orders',
      steps: [{ id: 'orders', action: extract, parameters: ({ params }) => ({ table: params.table }) }],
    },
    {
      equals: 'rest',
      steps: [
        { id: 'first', action: notify },
        { id: 'second', action: clean, parameters: { rows: [] } },
      ],
    },
  ],
  default: [{ id: 'other', action: notify, parameters: ({ params }) => ({ text: params.table }) }],
});
const switchedOutput = switched
  .output(({ steps }) => ({ own: steps['by-table'].output, kept: steps.second.output.kept, sent: steps.other.output }))
  .build();
expectSame<WorkflowOutputOf<typeof switchedOutput>['kept'], number>();
expectSame<
  WorkflowOutputOf<typeof switchedOutput>['own'],
  OutputOf<typeof extract> | OutputOf<typeof clean> | OutputOf<typeof notify>
>();
expectSame<WorkflowOutputOf<typeof switchedOutput>['sent'], { delivered: boolean }>();
// @ts-expect-error no such step
switched.output(({ steps }) => steps.third.output);
start.switch('s', {
  switch: 'params.table',
  // @ts-expect-error a list is no case
  cases: [{ equals: ['x'], steps: [{ id: 'a', action: 'x' }] }],
});

// A set: the type of what its callback answers; a plain value is untyped, for its text may be an expression.
const computed = start
  .set('sum', { set: ({ params }) => ({ n: cel<number>`${params.deep.n} + 1`, of: params.table, fixed: 'x' }) })
  .set('twice', { set: ({ steps }) => cel<number>`${steps.sum.output.n} * 2` })
  .set('third', { set: cel<string>`params.table + "s"` })
  .set('plain', { set: { n: '${{ steps.sum.output.n }}' } });
computed.step('use', {
  action: extract,
  parameters: ({ steps }) => ({ table: steps.third.output, limit: steps.twice.output }),
});
computed.step('use', { action: extract, parameters: ({ steps }) => ({ table: steps.plain.output.any.thing }) });
// @ts-expect-error a number is not a table
computed.step('use', { action: extract, parameters: ({ steps }) => ({ table: steps.twice.output }) });
// @ts-expect-error it ends as soon as it starts
start.set('s', { set: 1, totalTimeout: '1m' });

// The new kinds inside others, in the plain form.
start.parallel('p', {
  steps: [
    { id: 'v', type: 'set', set: ({ params }) => params.table },
    {
      id: 'c',
      type: 'condition',
      if: ({ params }) => cel<boolean>`${params.deep.n} > 4`,
      then: [{ id: 'y', action: extract, parameters: ({ params }) => ({ table: params.table }) }],
    },
    { id: 's', type: 'switch', switch: 'params.table', cases: [{ equals: 'a', steps: [{ id: 'z', action: 'x' }] }] },
  ],
});

// Steps that belong to another: typed by their actions. They see their step; what that gives may be the fallback's.
const undoable = start.step('copy', {
  action: extract,
  parameters: ({ params }) => ({ table: params.table }),
  fallback: { id: 'tell', action: notify, parameters: ({ params }) => ({ text: params.table }) },
  compensate: {
    id: 'drop',
    action: clean,
    retries: 3,
    parameters: () => ({ rows: [] }),
    when: ({ steps }) => cel<boolean>`has(${steps.copy.output})`,
  },
});
const undoableOutput = undoable.output(({ steps }) => ({ own: steps.copy.output })).build();
expectSame<WorkflowOutputOf<typeof undoableOutput>['own'], OutputOf<typeof extract> | OutputOf<typeof notify>>();
start.step('copy', {
  action: extract,
  parameters: { table: 't' },
  compensate: { id: 'drop', action: clean, parameters: ({ steps }) => ({ rows: steps.copy.output.rows }) },
});
start.step('copy', {
  action: extract,
  parameters: { table: 't' },
  output: ({ result }) => ({ first: result.rows }),
  compensate: { id: 'drop', action: clean, parameters: ({ steps }) => ({ rows: steps.copy.output.first }) },
});
start.step('copy', {
  action: extract,
  parameters: { table: 't' },
  // @ts-expect-error a table is not a list of rows
  compensate: { id: 'drop', action: clean, parameters: ({ params }) => ({ rows: params.table }) },
});
start.step('copy', {
  action: extract,
  parameters: { table: 't' },
  // @ts-expect-error no such step
  compensate: { id: 'drop', action: clean, parameters: ({ steps }) => ({ rows: steps.cpoy.output.rows }) },
});
start.step('copy', {
  action: extract,
  parameters: { table: 't' },
  // @ts-expect-error what its owner decides is not its own
  fallback: { id: 'other', action: notify, runOn: 'always' },
});
start.parallel('p', {
  steps: [{ id: 'a', action: 'x', fallback: { id: 'b', action: 'y' } }],
  fallback: { id: 'c', action: notify },
  compensate: { id: 'd', action: 'undo', parameters: { of: '${{ steps.p.output }}' } },
  assert: ({ output }) => cel<boolean>`size(${output}) == 1`,
});
start.finally('tidy', { action: 'x', fallback: { id: 'broom', action: 'y' } });
// @ts-expect-error what runs at the end is not undone at the end
start.finally('tidy', { action: 'x', compensate: { id: 'broom', action: 'y' } });

// A block may shape its output.
const shapedBlock = start
  .parallel('both', { steps: [{ id: 'one', action: notify }], output: ({ steps }) => ({ n: 1, first: steps }) })
  .output(({ steps }) => steps.both.output.n)
  .build();
expectSame<WorkflowOutputOf<typeof shapedBlock>, number>();

// A row that a callback builds: typed at any depth. Its steps see what stands before the block and each other.
const rowed = start.condition('decide', {
  if: ({ params }) => cel<boolean>`${params.deep.n} > 4`,
  then: (row) =>
    row
      .step('fetch', { action: extract, parameters: ({ params }) => ({ table: params.table }) })
      .loop('poll', {
        until: 'last.kept > 3',
        maxIterations: 9,
        body: (body) =>
          body
            .step('again', {
              action: extract,
              parameters: ({ steps }) => ({ table: 'x', limit: steps.fetch.output.bytes }),
            })
            .condition('tidy', {
              if: ({ steps }) => cel<boolean>`${steps.again.output.bytes} > 0`,
              then: (deep) =>
                deep.step('leaf', { action: clean, parameters: ({ steps }) => ({ rows: steps.again.output.rows }) }),
              else: [{ id: 'none', action: clean, parameters: ({ steps }) => ({ rows: steps.fetch.output.rows }) }],
            }),
      })
      .step('last', { action: extract, parameters: ({ steps }) => ({ table: 'y', limit: steps.poll.output.kept }) }),
  else: (row) => row.step('tell', { action: notify, parameters: { text: 'no' } }),
});
const rowedOutput = rowed
  .output(({ steps }) => ({
    own: steps.decide.output,
    rows: steps.fetch.output.rows,
    polled: steps.poll.output,
    sent: steps.tell.output.delivered,
  }))
  .build();
expectSame<WorkflowOutputOf<typeof rowedOutput>['own'], OutputOf<typeof extract> | OutputOf<typeof notify>>();
expectSame<WorkflowOutputOf<typeof rowedOutput>['polled'], OutputOf<typeof clean>>();
expectSame<WorkflowOutputOf<typeof rowedOutput>['sent'], boolean>();
// @ts-expect-error the steps of a body are not seen outside
rowed.output(({ steps }) => steps.again.output);
// @ts-expect-error no such step
rowed.output(({ steps }) => steps.ftech.output);
start.condition('c', {
  if: 'true',
  then: (row) => row.step('fetch', { action: extract, parameters: { table: 'x' } }),
  // @ts-expect-error the other branch is not seen
  else: (row) => row.step('tidy', { action: clean, parameters: ({ steps }) => ({ rows: steps.fetch.output.rows }) }),
});
start.sequential('s', {
  steps: (row) =>
    row
      // @ts-expect-error a later step is not seen
      .step('a', { action: clean, parameters: ({ steps }) => ({ rows: steps.b.output.rows }) })
      .step('b', { action: extract, parameters: { table: 'x' } }),
});
start.sequential('s', {
  // @ts-expect-error what the action takes is checked
  steps: (row) => row.step('a', { action: extract, parameters: { tabel: 'x' } }),
});
// @ts-expect-error a row has no parameters of its own
start.sequential('s', { steps: (row) => row.params(z.object({})) });
// @ts-expect-error a row is not finished by itself
start.sequential('s', { steps: (row) => row.step('a', { action: 'x' }).build() });
// @ts-expect-error a callback answers its row
start.loop('l', { until: 'true', maxIterations: 2, body: () => [{ id: 'a', action: 'x' }] });

// Literals inside a row.
const rowInRow = start
  .sequential('outer', {
    steps: (row) =>
      row.parallel('both', { steps: [{ id: 'one', action: extract, parameters: { table: 'x' } }] }).step('two', {
        action: clean,
        parameters: ({ steps }) => ({ rows: steps.both.output.one.rows }),
      }),
  })
  .output(({ steps }) => ({ own: steps.outer.output.kept, rows: steps.one.output.rows }))
  .build();
expectSame<WorkflowOutputOf<typeof rowInRow>['own'], number>();

// The one step of a map.
const mappedRow = start
  .map('each', {
    items: ({ params }) => [params.table],
    step: (row) =>
      row.sequential('item', {
        steps: (item) =>
          item
            .step('get', { action: extract, parameters: ({ item: table }) => ({ table }) })
            .step('tidy', { action: clean, parameters: ({ steps }) => ({ rows: steps.get.output.rows }) }),
      }),
  })
  .output(({ steps }) => ({ all: steps.each.output }))
  .build();
expectSame<WorkflowOutputOf<typeof mappedRow>['all'], readonly OutputOf<typeof clean>[]>();
