/** Reading chains of selects and indices: `a.b["c"][0]` is three links on `a`. */
import { extendPath } from './navigate.ts';
import { type Tree, textOf } from './tree.ts';

export interface Link {
  readonly operand: Tree;
  readonly key: string | Tree;
}

/** A node that looks into the value below it; undefined for anything else. */
export function linkOf(tree: Tree): Link | undefined {
  const kind = tree.exprKind;
  if (kind.case === 'selectExpr' && !kind.value.testOnly && kind.value.operand !== undefined) {
    return { operand: kind.value.operand, key: kind.value.field };
  }
  if (kind.case !== 'callExpr' || kind.value.function !== '_[_]') return undefined;
  const [operand, key] = kind.value.args;
  return operand === undefined || key === undefined ? undefined : { operand, key };
}

/** The path as people write it, for messages; what is computed shows as `...`. */
export function pathOf(tree: Tree): string {
  if (tree.exprKind.case === 'identExpr') return tree.exprKind.value.name;
  const link = linkOf(tree);
  if (link === undefined) return '(...)';
  const below = pathOf(link.operand);
  const key = keyText(link.key);
  if (key !== undefined) return extendPath(below, key);
  if (typeof link.key !== 'string' && link.key.exprKind.case === 'constExpr') {
    const constant = link.key.exprKind.value.constantKind;
    if (constant.case === 'int64Value') return extendPath(below, Number(constant.value));
  }
  return `${below}[...]`;
}

/** The member's name, when it is written out. */
export function keyText(key: string | Tree): string | undefined {
  return typeof key === 'string' ? key : textOf(key);
}

export function isIdent(tree: Tree, name: string): boolean {
  return tree.exprKind.case === 'identExpr' && tree.exprKind.value.name === name;
}
