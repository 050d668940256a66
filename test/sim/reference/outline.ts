/** A definition as a tree, and the steps of a run in it: those outside of loops and maps, and those of each iteration and item. */
import { runsBodies, type StepDefinition, type WorkflowDefinition } from '../../../src/workflow/definition.ts';

export interface Node {
  readonly step: StepDefinition;
  /** The steps in it: of a condition or a switch a list per branch. */
  readonly lists: readonly (readonly Node[])[];
  /** Of cleanup: in `finally`, or a compensation. */
  readonly isFinally: boolean;
  readonly fallback: Node | undefined;
  readonly compensation: Node | undefined;
}

export interface Outline {
  readonly body: readonly Node[];
  readonly cleanup: readonly Node[];
  readonly ids: readonly string[];
  /** Of those. */
  readonly compensations: ReadonlySet<string>;
}

export function outlineOf(definition: WorkflowDefinition): Outline {
  const ids: string[] = [];
  const compensations = new Set<string>();
  const node = (step: StepDefinition, isFinally: boolean): Node => {
    ids.push(step.id);
    if (step.compensate !== undefined) compensations.add(step.compensate.id);
    return {
      step,
      isFinally,
      lists: listsOf(step).map((list) => list.map((child) => node(child, isFinally))),
      fallback: step.fallback && node(step.fallback, isFinally),
      compensation: step.compensate && node(step.compensate, true),
    };
  };
  const body = definition.steps.map((step) => node(step, false));
  const cleanup = (definition.finally ?? []).map((step) => node(step, true));
  return { body, cleanup, ids, compensations };
}

/** Another kind of block says here what stands in it. */
function listsOf(step: StepDefinition): readonly (readonly StepDefinition[])[] {
  switch (step.type) {
    case 'parallel':
    case 'sequential':
      return [step.steps];
    case 'condition':
      return [step.then, step.else ?? []];
    case 'switch':
      return [...step.cases.map(({ steps }) => steps), step.default ?? []];
    case 'loop':
      return [step.body];
    case 'map':
      return [[step.step]];
    default:
      return [];
  }
}

/** A step of a run. */
export interface Place {
  readonly node: Node;
  readonly path: string;
  readonly frame: Frame;
  /** The block around it; of the top of a body the loop or the map. A compensation has none: it runs when all blocks are over. */
  readonly around: Place | undefined;
  /** Of a fallback or a compensation. */
  readonly belongs: { readonly as: 'fallback' | 'compensation'; readonly to: Place } | undefined;
}

/** The steps outside of loops and maps, or those of one iteration or item. */
export class Frame {
  readonly places = new Map<string, Place>();
  readonly prefix: string;
  /** The iteration, from 1, or the item, from 0, whose steps these are. */
  readonly body: { readonly place: Place; readonly number: number } | undefined;

  constructor(tops: readonly Node[], prefix = '', body: Frame['body'] = undefined) {
    this.prefix = prefix;
    this.body = body;
    for (const node of tops) this.add(node, body?.place);
  }

  private add(node: Node, around: Place | undefined): void {
    const place = this.put(node, around, undefined);
    if (node.fallback !== undefined) this.put(node.fallback, around, { as: 'fallback', to: place });
    if (node.compensation !== undefined) this.put(node.compensation, undefined, { as: 'compensation', to: place });
    if (!runsBodies(node.step)) for (const child of node.lists.flat()) this.add(child, place);
  }

  private put(node: Node, around: Place | undefined, belongs: Place['belongs']): Place {
    const place = { node, path: this.prefix + node.step.id, frame: this, around, belongs };
    this.places.set(node.step.id, place);
    return place;
  }

  /** What belongs to a step. */
  attached({ step: { id } }: Node): Place {
    const place = this.places.get(id);
    if (place === undefined) throw new Error(`${id} does not stand here`);
    return place;
  }

  /** The step of this id that an expression here means. */
  find(id: string): Place | undefined {
    return this.places.get(id) ?? this.body?.place.frame.find(id);
  }

  placesOf(nodes: readonly Node[]): readonly Place[] {
    return nodes.flatMap((node) => this.places.get(node.step.id) ?? []);
  }
}

/** What expressions in it mean by `iteration` and `last`, or by `item` and `index`. */
export function innermost(frame: Frame, type: 'loop' | 'map'): Frame['body'] {
  const { body } = frame;
  if (body === undefined || body.place.node.step.type === type) return body;
  return innermost(body.place.frame, type);
}
