/** Where the engine's events and the nodes that it goes by pass through. */
import { Draft } from '../../../src/control-plane/engine/decision.ts';
import type { RunEvent } from '../../../src/control-plane/engine/events.ts';
import type { RunState } from '../../../src/control-plane/engine/state.ts';
import type { TakenOver } from '../../../src/control-plane/engine/take-over.ts';
import { Catalogue } from '../../../src/control-plane/runtime/catalogue.ts';
import { Retries } from '../../../src/control-plane/runtime/retries.ts';
import type { CompiledNode, CompiledWorkflow } from '../../../src/workflow/compiled.ts';
import { substitute } from './seams.ts';

/** Every event that the engine decides passes through here, into the state and into the journal alike. */
export function emits(change: (event: RunEvent, draft: Draft) => RunEvent): () => void {
  return substitute(
    Draft,
    'emit',
    (original) =>
      function (this: Draft, ...args: never[]) {
        const [event] = args as unknown as [RunEvent];
        return original.apply(this, [change(event, this)] as never[]);
      },
  );
}

export function afterEmit(act: (draft: Draft, event: RunEvent) => void): () => void {
  return substitute(
    Draft,
    'emit',
    (original) =>
      function (this: Draft, ...args: never[]) {
        const [event] = args as unknown as [RunEvent];
        original.apply(this, args);
        act(this, event);
      },
  );
}

/** Compiled nodes are shared by all runs of a version, so each is changed once. */
export function compiles(change: (node: CompiledNode) => Partial<CompiledNode> | false): () => void {
  const changed = new WeakSet<CompiledWorkflow>();
  return substitute(
    Catalogue,
    'compile',
    (original) =>
      async function (this: Catalogue, ...args: never[]) {
        const workflow = (await original.apply(this, args)) as CompiledWorkflow;
        if (changed.has(workflow)) return workflow;
        changed.add(workflow);
        for (const node of workflow.nodes) Object.assign(node, change(node) || {});
        return workflow;
      },
  );
}

/** What a run takes over from the one that it is another try of. */
export function takesOver(change: (steps: readonly TakenOver[], state: RunState) => readonly TakenOver[]): () => void {
  return substitute(
    Retries,
    'look',
    (original) =>
      function (this: Retries, ...args: never[]) {
        const [row, read] = args as unknown as [unknown, (state: RunState) => { steps?: readonly TakenOver[] }];
        const changed = (state: RunState): object => {
          const seen = read(state);
          return seen.steps === undefined ? seen : { ...seen, steps: change(seen.steps, state) };
        };
        return original.apply(this, [row, changed] as unknown as never[]);
      },
  );
}
