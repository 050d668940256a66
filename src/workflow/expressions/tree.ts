/** Building CEL syntax trees. New nodes take the id of the node they replace, so errors keep their column. */
import type { parse } from '@bufbuild/cel';

export type Tree = ReturnType<typeof parse>['expr'];
export type Kind = Tree['exprKind'];
export type Call = Extract<Kind, { case: 'callExpr' }>['value'];
export type Select = Extract<Kind, { case: 'selectExpr' }>['value'];
export type Struct = Extract<Kind, { case: 'structExpr' }>['value'];
export type Comprehension = Extract<Kind, { case: 'comprehensionExpr' }>['value'];

export function node(id: bigint, exprKind: Kind): Tree {
  return { $typeName: 'cel.expr.Expr', id, exprKind };
}

export function callNode(id: bigint, name: string, args: Tree[], target?: Tree): Tree {
  const call: Call = {
    $typeName: 'cel.expr.Expr.Call',
    function: name,
    args,
    ...(target === undefined ? {} : { target }),
  };
  return node(id, { case: 'callExpr', value: call });
}

export function identNode(id: bigint, name: string): Tree {
  return node(id, { case: 'identExpr', value: { $typeName: 'cel.expr.Expr.Ident', name } });
}

export function textNode(id: bigint, text: string): Tree {
  const constantKind = { case: 'stringValue', value: text } as const;
  return node(id, { case: 'constExpr', value: { $typeName: 'cel.expr.Constant', constantKind } });
}

function boolNode(id: bigint, value: boolean): Tree {
  const constantKind = { case: 'boolValue', value } as const;
  return node(id, { case: 'constExpr', value: { $typeName: 'cel.expr.Constant', constantKind } });
}

function emptyListNode(id: bigint): Tree {
  return node(id, {
    case: 'listExpr',
    value: { $typeName: 'cel.expr.Expr.CreateList', elements: [], optionalIndices: [] },
  });
}

/** `let name = value in body`: a loop over nothing, as `cel.bind` does it. The body is evaluated once, lazily. */
export function letNode(id: bigint, name: string, value: Tree, body: Tree): Tree {
  return node(id, {
    case: 'comprehensionExpr',
    value: {
      $typeName: 'cel.expr.Expr.Comprehension',
      iterVar: '@none',
      iterVar2: '',
      iterRange: emptyListNode(id),
      accuVar: name,
      accuInit: value,
      loopCondition: boolNode(id, false),
      loopStep: identNode(id, name),
      result: body,
    },
  });
}

/** The text of a string literal; undefined for anything else. */
export function textOf(tree: Tree): string | undefined {
  if (tree.exprKind.case !== 'constExpr') return undefined;
  const constant = tree.exprKind.value.constantKind;
  return constant.case === 'stringValue' ? constant.value : undefined;
}

/** The nodes directly below. */
export function childrenOf(tree: Tree): readonly (Tree | undefined)[] {
  const kind = tree.exprKind;
  switch (kind.case) {
    case 'callExpr':
      return [kind.value.target, ...kind.value.args];
    case 'selectExpr':
      return [kind.value.operand];
    case 'listExpr':
      return kind.value.elements;
    case 'structExpr':
      return kind.value.entries.flatMap((e) => [e.keyKind.case === 'mapKey' ? e.keyKind.value : undefined, e.value]);
    case 'comprehensionExpr': {
      const { iterRange, accuInit, loopCondition, loopStep, result } = kind.value;
      return [iterRange, accuInit, loopCondition, loopStep, result];
    }
    default:
      return [];
  }
}

/** Levels of the tree, counted without recursion. */
export function depthOf(tree: Tree): number {
  let level: readonly Tree[] = [tree];
  let depth = 0;
  while (level.length > 0) {
    depth++;
    level = level.flatMap((parent) => childrenOf(parent).filter((child) => child !== undefined));
  }
  return depth;
}
