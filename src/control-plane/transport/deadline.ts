/** Milliseconds since the epoch at which the caller gives up; undefined: never. */
export function deadlineOf(call: { getDeadline(): Date | number }): number | undefined {
  const deadline = call.getDeadline();
  const at = typeof deadline === 'number' ? deadline : deadline.getTime();
  return Number.isFinite(at) && !isOverflown(at) ? at : undefined;
}

/** grpc-js cuts the milliseconds of a timeout to 32 bits, so that 30 days are in the past and would end the call at once. */
function isOverflown(at: number): boolean {
  return at < performance.timeOrigin;
}
