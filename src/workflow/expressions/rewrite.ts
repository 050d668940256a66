/**
 * From the tree that people wrote to the tree that is planned.
 *
 * 1. Every look into data becomes `@get(value, key, path)`, which names the path when the data is missing.
 * 2. `has(x)` and `default(x, y)` use `@maybe` for their links, so no function ever sees a missing value.
 * 3. Operators become ours (doubles and integers mix); loops collect in place and check their budget on every turn.
 * 4. `steps.<id>` becomes one variable; every step and root that is named is reported.
 */

import { YardmasterError } from '../../core/errors.ts';
import { nearest } from '../../core/nearest.ts';
import { ownName } from './functions.ts';
import { functionHint, macroUsage } from './hints.ts';
import { isIdent, keyText, type Link, linkOf, pathOf } from './links.ts';
import { operators } from './operators.ts';
import { badExpression, type ParsedTree } from './parse.ts';
import { functionNames, type Shape, shapesOf } from './standard.ts';
import {
  type Call,
  type Comprehension,
  callNode,
  identNode,
  letNode,
  node,
  type Select,
  type Struct,
  type Tree,
  textNode,
} from './tree.ts';

export interface StepReference {
  readonly id: string;
  /** `output`, `status` and so on; undefined when the step is taken whole. */
  readonly field: string | undefined;
  /** Of the id in the expression's text. */
  readonly offset: number;
  /** For `steps.clean-data`, read by CEL as a subtraction: what was probably meant. */
  readonly hyphenated?: string;
}

export interface Rewritten {
  readonly tree: Tree;
  readonly steps: readonly StepReference[];
  /** Roots that are read: `params`, `run`, `now` and so on. */
  readonly roots: ReadonlySet<string>;
}

/** The fields of `steps.<id>`. */
export const STEP_FIELDS = ['output', 'status', 'error', 'agent', 'attempt'] as const;
const TYPE_NAMES: ReadonlySet<string> = new Set([
  'int',
  'uint',
  'double',
  'bool',
  'string',
  'bytes',
  'list',
  'map',
  'null_type',
  'type',
]);
const PLANNED_BY_CEL: ReadonlySet<string> = new Set(['_?_:_', '_&&_', '_||_', '!_', '@not_strictly_false']);
/** String functions whose numbers are positions. */
const POSITIONAL: ReadonlySet<string> = new Set(['charAt', 'indexOf', 'lastIndexOf', 'substring', 'split']);

export const TICK = '@tick';
const RESULT = '@result';

export function stepVariable(id: string): string {
  return `@step:${id}`;
}

export function rewrite(source: string, parsed: ParsedTree, visible: ReadonlySet<string>): Rewritten {
  return new Rewriter(source, parsed, visible).run();
}

type Locals = ReadonlySet<string>;

class Rewriter {
  readonly #source: string;
  readonly #parsed: ParsedTree;
  readonly #visible: ReadonlySet<string>;
  readonly #steps: StepReference[] = [];
  readonly #roots = new Set<string>();
  #lets = 0;

  constructor(source: string, parsed: ParsedTree, visible: ReadonlySet<string>) {
    this.#source = source;
    this.#parsed = parsed;
    this.#visible = visible;
  }

  run(): Rewritten {
    const tree = this.#tree(this.#parsed.tree, new Set());
    return { tree, steps: this.#steps, roots: this.#roots };
  }

  #tree(tree: Tree, locals: Locals): Tree {
    const kind = tree.exprKind;
    switch (kind.case) {
      case 'identExpr':
        return this.#ident(tree, kind.value.name, locals);
      case 'selectExpr':
        return kind.value.testOnly
          ? this.#has(tree.id, withoutTest(tree, kind.value), locals)
          : this.#look(tree, locals, '@get');
      case 'callExpr':
        return this.#call(tree, kind.value, locals);
      case 'listExpr': {
        const elements = kind.value.elements.map((item) => this.#tree(item, locals));
        return node(tree.id, { case: 'listExpr', value: { ...kind.value, elements } });
      }
      case 'structExpr':
        return this.#struct(tree, kind.value, locals);
      case 'comprehensionExpr':
        return this.#loop(tree, kind.value, locals);
      default:
        return tree;
    }
  }

  #ident(tree: Tree, name: string, locals: Locals): Tree {
    if (locals.has(name) || TYPE_NAMES.has(name)) return tree;
    if (name === 'steps') throw this.#bad(tree, NAME_THE_STEP, name.length);
    if (!this.#visible.has(name)) throw this.#unknownName(tree, name);
    this.#roots.add(name);
    return tree;
  }

  #unknownName(tree: Tree, name: string): YardmasterError {
    const meant = this.#steps.find((step) => step.hyphenated?.split('-').includes(name));
    if (meant?.hyphenated !== undefined) return subtractedStep(meant.hyphenated, meant.offset);
    const near = nearest(name, this.#visible);
    const hint = near === undefined ? `known here: ${[...this.#visible].join(', ')}` : `did you mean "${near}"?`;
    return this.#bad(tree, `unknown name "${name}"`, name.length, hint);
  }

  /** A select or an index, down to its root. `how` is `@get`, or `@maybe` inside `has` and `default`. */
  #look(tree: Tree, locals: Locals, how: '@get' | '@maybe'): Tree {
    const link = linkOf(tree);
    if (link === undefined) return this.#tree(tree, locals);
    if (isSteps(link, locals)) return this.#step(tree, link, undefined);
    const operand = this.#operand(link, locals, how);
    const key = typeof link.key === 'string' ? textNode(tree.id, link.key) : this.#tree(link.key, locals);
    if (how === '@maybe') return callNode(tree.id, '@maybe', [operand, key]);
    return callNode(tree.id, '@get', [operand, key, textNode(tree.id, pathOf(link.operand))]);
  }

  #operand(link: Link, locals: Locals, how: '@get' | '@maybe'): Tree {
    const below = linkOf(link.operand);
    if (below === undefined || !isSteps(below, locals)) return this.#look(link.operand, locals, how);
    return this.#step(link.operand, below, this.#stepField(link));
  }

  #stepField(link: Link): string | undefined {
    const field = keyText(link.key);
    if (field === undefined || STEP_FIELDS.some((known) => known === field)) return field;
    throw this.#bad(link.operand, ...noStepField(field));
  }

  /** `steps.id` or `steps["id"]`: one variable, and a note that it is read. */
  #step(tree: Tree, link: Link, field: string | undefined): Tree {
    const id = keyText(link.key);
    if (id === undefined) throw this.#bad(tree, NAME_THE_STEP, 1);
    const offset = Math.max(0, this.#source.indexOf(id, this.#parsed.offsetOf(link.operand.id) + 'steps'.length));
    this.#steps.push({ id, field, offset, ...this.#hyphenated(id, offset) });
    return identNode(tree.id, stepVariable(id));
  }

  #hyphenated(id: string, offset: number): { readonly hyphenated?: string } {
    const word = /^[A-Za-z0-9_]+(?:-[A-Za-z0-9_]+)+/.exec(this.#source.slice(offset))?.[0];
    return word === undefined || word === id || this.#source.charAt(offset - 1) !== '.' ? {} : { hyphenated: word };
  }

  #call(tree: Tree, call: Call, locals: Locals): Tree {
    const name = call.function;
    const [first, second] = call.args;
    if (name === '_[_]') return this.#look(tree, locals, '@get');
    if (PLANNED_BY_CEL.has(name))
      return callNode(
        tree.id,
        name,
        call.args.map((arg) => this.#tree(arg, locals)),
      );
    if (operators.has(name))
      return callNode(
        tree.id,
        ownName(name),
        call.args.map((arg) => this.#tree(arg, locals)),
      );
    if (name === '-_')
      return callNode(
        tree.id,
        '@negate',
        call.args.map((arg) => this.#tree(arg, locals)),
      );
    this.#checkShape(tree, call);
    if (name === 'has' && first !== undefined) return this.#has(tree.id, first, locals);
    if (name === 'default' && first !== undefined && second !== undefined)
      return this.#default(tree, first, second, locals);
    return this.#function(tree, call, locals);
  }

  #function(tree: Tree, call: Call, locals: Locals): Tree {
    const weigh = POSITIONAL.has(call.function) ? '@weighWhole' : '@weigh';
    const weighed = (arg: Tree): Tree => callNode(arg.id, weigh, [this.#tree(arg, locals)]);
    const args = call.args.map(weighed);
    const target = call.target === undefined ? undefined : weighed(call.target);
    switch (call.function) {
      case 'size':
        return callNode(tree.id, '@size', target === undefined ? args : [target]);
      case 'charAt':
      case 'indexOf':
      case 'lastIndexOf':
      case 'replace':
      case 'split':
      case 'substring':
        return callNode(tree.id, ownName(call.function), args, target);
      case 'join':
        return callNode(tree.id, '@join', args.length === 0 ? [textNode(tree.id, '')] : args, target);
      default:
        return callNode(tree.id, call.function, args, target);
    }
  }

  #checkShape(tree: Tree, call: Call): void {
    const name = call.function;
    const shapes = shapesOf(name);
    if (shapes === undefined) {
      if (name === 'secret') throw this.#bad(tree, ...MISPLACED_SECRET);
      const macro = macroUsage(name);
      if (macro !== undefined) throw this.#bad(tree, `"${name}" is written ${macro}`, name.length);
      const near = nearest(name, functionNames());
      const hint = functionHint(name) ?? (near === undefined ? undefined : `did you mean "${near}"?`);
      throw this.#bad(tree, `unknown function "${name}"`, name.length, hint);
    }
    const isMethod = call.target !== undefined;
    if (shapes.some((shape) => shape.isMethod === isMethod && shape.arity === call.args.length)) return;
    const usages = new Set(shapes.map((shape) => usage(name, shape)));
    throw this.#bad(tree, `"${name}" is written ${[...usages].join(' or ')}`, name.length);
  }

  #has(id: bigint, path: Tree, locals: Locals): Tree {
    return callNode(id, '@present', [this.#maybe(path, 'has', locals)]);
  }

  /** `let x = maybe(path) in present(x) ? x : otherwise`: the path is walked once, the other value only if needed. */
  #default(tree: Tree, path: Tree, otherwise: Tree, locals: Locals): Tree {
    const name = `@let${this.#lets++}`;
    const value = this.#maybe(path, 'default', locals);
    const body = callNode(tree.id, '_?_:_', [
      callNode(tree.id, '@present', [identNode(tree.id, name)]),
      identNode(tree.id, name),
      this.#tree(otherwise, locals),
    ]);
    return letNode(tree.id, name, value, body);
  }

  #maybe(path: Tree, name: string, locals: Locals): Tree {
    if (linkOf(path) !== undefined) return this.#look(path, locals, '@maybe');
    if (path.exprKind.case !== 'identExpr') throw this.#bad(path, `${name}() takes a path such as params.a.b`, 1);
    const root = path.exprKind.value.name;
    const hint =
      root === 'last' ? 'it is null in the first iteration: last == null ? ... : last' : 'ask for what is in it';
    throw this.#bad(path, `${name}() takes a path such as params.a.b: "${root}" is always there`, root.length, hint);
  }

  #struct(tree: Tree, struct: Struct, locals: Locals): Tree {
    if (struct.messageName !== '')
      throw this.#bad(tree, `unknown type "${struct.messageName}"`, struct.messageName.length);
    const entries = struct.entries.map((entry) => ({
      ...entry,
      ...(entry.keyKind.case === 'mapKey'
        ? { keyKind: { case: 'mapKey' as const, value: this.#tree(entry.keyKind.value, locals) } }
        : {}),
      ...(entry.value === undefined ? {} : { value: this.#tree(entry.value, locals) }),
    }));
    return node(tree.id, { case: 'structExpr', value: { ...struct, entries } });
  }

  #loop(tree: Tree, loop: Comprehension, locals: Locals): Tree {
    const { iterRange, accuInit, loopCondition, loopStep, result } = loop;
    if (!iterRange || !accuInit || !loopCondition || !loopStep || !result)
      throw this.#bad(tree, 'an incomplete loop', 1);
    const inner = new Set([...locals, loop.iterVar, loop.accuVar]);
    const collects = accuInit.exprKind.case === 'listExpr';
    const value: Comprehension = {
      ...loop,
      iterRange: callNode(iterRange.id, '@weigh', [this.#tree(iterRange, locals)]),
      accuInit: collects ? callNode(tree.id, '@list', []) : accuInit,
      loopCondition: callNode(tree.id, '_&&_', [identNode(tree.id, TICK), this.#tree(loopCondition, inner)]),
      loopStep: collects ? this.#collect(loopStep, inner) : this.#tree(loopStep, inner),
      result: this.#tree(result, inner),
    };
    return node(tree.id, { case: 'comprehensionExpr', value });
  }

  /** `map` and `filter` add a list of one on every turn; appending instead keeps them linear. */
  #collect(step: Tree, locals: Locals): Tree {
    if (step.exprKind.case === 'callExpr') {
      const { function: name, args } = step.exprKind.value;
      const [first, second, third] = args;
      if (name === '_?_:_' && first && second && third) {
        return callNode(step.id, name, [this.#tree(first, locals), this.#collect(second, locals), third]);
      }
      if (name === '_+_' && first && isIdent(first, RESULT) && second?.exprKind.case === 'listExpr') {
        const items = second.exprKind.value.elements.map((item) => this.#tree(item, locals));
        return callNode(step.id, '@append', [first, ...items]);
      }
    }
    return this.#tree(step, locals);
  }

  #bad(tree: Tree, fact: string, length: number, next?: string): YardmasterError {
    return badExpression(fact, this.#parsed.offsetOf(tree.id), length, next);
  }
}

/** The fact, the length to mark, what to do. */
const MISPLACED_SECRET: readonly [string, number, string] = [
  "a secret cannot be read here: it is put into an agent's input and nowhere else",
  'secret'.length,
  "write ${{ secret('NAME') }}, with nothing else between the braces, in the parameters of an agent step",
];
const NAME_THE_STEP = 'name the step that is read, as in steps["id"].output';

/** What to say about `steps.x.<field>`: the fact, the length to mark, the hint. */
export function noStepField(field: string): [fact: string, length: number, hint: string] {
  const near = nearest(field, STEP_FIELDS);
  return [
    `a step has no "${field}"`,
    1,
    near === undefined ? `it has ${STEP_FIELDS.join(', ')}` : `did you mean "${near}"?`,
  ];
}

/** CEL reads `steps.clean-data` as a subtraction. */
export function subtractedStep(id: string, offset: number): YardmasterError {
  return new YardmasterError('UNKNOWN_STEP', `steps.${id} is read as a subtraction`, {
    meta: { offset: String(offset), length: String(id.length) },
    next: `write steps["${id}"]`,
  });
}

function isSteps(link: Link, locals: Locals): boolean {
  return !locals.has('steps') && isIdent(link.operand, 'steps');
}

function withoutTest(tree: Tree, select: Select): Tree {
  return node(tree.id, { case: 'selectExpr', value: { ...select, testOnly: false } });
}

function usage(name: string, shape: Shape): string {
  const args = Array.from({ length: shape.arity }, (_, i) => 'abc'.charAt(i)).join(', ');
  return `${shape.isMethod ? 'x.' : ''}${name}(${args})`;
}
