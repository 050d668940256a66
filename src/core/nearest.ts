/** "Did you mean": the known name that is closest to what was written. */

/** Names longer than this are not compared; nobody mistypes by so much. */
const NAME_CHARS_MAX = 128;

/** The closest of `names` to `word`, or undefined when none is close (more than a third of it differs). */
export function nearest(word: string, names: Iterable<string>): string | undefined {
  if (word.length > NAME_CHARS_MAX) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const name of names) {
    if (Math.abs(name.length - word.length) >= bestDistance) continue;
    const distance = editDistance(word.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [name, distance];
  }
  return best;
}

/** Levenshtein's distance, with two rows; a swap of neighbours counts 2. */
function editDistance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, i) => i);
  for (let i = 1; i <= left.length; i++) {
    const current = [i];
    for (let j = 1; j <= right.length; j++) {
      const change = left[i - 1] === right[j - 1] ? 0 : 1;
      current.push(Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + change));
    }
    previous = current;
  }
  return previous[right.length] ?? 0;
}
