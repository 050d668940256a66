/** What a broken invariant is reported as. The first one of a world counts; later ones may only follow from it. */
export class Verdict {
  invariant: string | undefined = undefined;
  message = '';

  fail(invariant: string, message: string): void {
    if (this.invariant !== undefined) return;
    this.invariant = invariant;
    this.message = message;
  }

  check(isTrue: boolean, invariant: string, message: () => string): void {
    if (!isTrue) this.fail(invariant, message());
  }

  get isFailed(): boolean {
    return this.invariant !== undefined;
  }
}
