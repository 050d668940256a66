/** The types of recorders: what a callback reads, what it may hand back, and what that means as a value. Types only. */

declare const recorded: unique symbol;
declare const expression: unique symbol;

/** The seed's plain form states no types: what it yields may be used as anything and is checked when it runs. */
// biome-ignore lint/suspicious/noExplicitAny: the one place where the untyped form is let in
export type Untyped = any;

export type IsUntyped<T> = 0 extends 1 & T ? true : false;
type Primitive = string | number | boolean | null | undefined;

/** Stands for a value of type T that exists only when the workflow runs. */
export interface Recorded<out T> {
  readonly [recorded]: T;
}

/** An expression written with the `cel` tag. */
export interface Cel<out T> extends Recorded<T> {
  readonly [expression]: true;
}

/** A recorder: stands for T and has T's members, each a recorder in turn. */
export type Recorder<T> = IsUntyped<T> extends true ? Untyped : Recorded<T> & Members<NonNullable<T>>;

type Members<T> = T extends Primitive
  ? unknown
  : T extends readonly (infer Item)[]
    ? Items<Recorder<Item>>
    : { readonly [K in keyof T]-?: Recorder<T[K]> };

/** The first ten are members of their own, so that `rows[0].id` needs no check for undefined. */
type Items<R> = { readonly [I in 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9]: R } & { readonly [index: number]: R };

/** What a callback may return where a T is wanted: a recorder, a literal, or a literal with recorders in it. */
export type Value<T> = IsUntyped<T> extends true ? Untyped : Recorded<T> | Literal<T>;

type Literal<T> = T extends Primitive ? T : { readonly [K in keyof T]: Value<Exclude<T[K], undefined>> };

/** The type of the value that a callback's result becomes. */
export type Resolved<V> =
  IsUntyped<V> extends true
    ? Untyped
    : V extends Recorded<infer T>
      ? T
      : V extends Primitive
        ? V
        : { readonly [K in keyof V]: Resolved<V[K]> };
