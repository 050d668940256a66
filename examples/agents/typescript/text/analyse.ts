/** What can be said about a text without understanding it: pure functions. */

const GOOD = new Set(['good', 'great', 'love', 'fast', 'helpful', 'thanks', 'excellent', 'happy', 'reliable', 'best']);
const BAD = new Set(['bad', 'slow', 'broken', 'angry', 'terrible', 'late', 'refund', 'lost', 'worst', 'error', 'down']);

const TOPICS: Readonly<Record<string, readonly string[]>> = {
  billing: ['invoice', 'refund', 'price', 'charged', 'payment'],
  outage: ['down', 'outage', 'unreachable', 'error', 'broken'],
  delivery: ['parcel', 'late', 'lost', 'delivery', 'shipping'],
};

export function wordsOf(text: string): readonly string[] {
  return text.toLowerCase().match(/\p{L}+/gu) ?? [];
}

/** From -1 (all words with a mood are bad ones) to 1; 0 without any. */
export function scoreSentiment(text: string): number {
  const words = wordsOf(text);
  const good = words.filter((word) => GOOD.has(word)).length;
  const bad = words.filter((word) => BAD.has(word)).length;
  return good + bad === 0 ? 0 : (good - bad) / (good + bad);
}

/** Names: words with a capital letter that do not begin a sentence. */
export function findEntities(text: string): readonly string[] {
  const found = [...text.matchAll(/(?<![.!?]\s|^)\b\p{Lu}[\p{L}\d]+/gu)].map(([name]) => name);
  return [...new Set(found)].sort();
}

/** The topic with most of its words in the text; `other` when there is none. */
export function classifyText(text: string): string {
  const words = wordsOf(text);
  const ranked = Object.entries(TOPICS)
    .map(([topic, own]) => ({ topic, hits: words.filter((word) => own.includes(word)).length }))
    .sort((a, b) => b.hits - a.hits);
  const [best] = ranked;
  return best === undefined || best.hits === 0 ? 'other' : best.topic;
}

/** The first sentence, cut at a word. */
export function summarize(text: string, lengthMax = 80): string {
  const [sentence = ''] = text.trim().split(/(?<=[.!?])\s/);
  if (sentence.length <= lengthMax) return sentence;
  return `${sentence.slice(0, lengthMax - 3).replace(/\s+\S*$/, '')}...`;
}

export function countWords(text: string): Readonly<Record<string, number>> {
  return Object.fromEntries([...Map.groupBy(wordsOf(text), (word) => word)].map(([word, own]) => [word, own.length]));
}

export function addCounts(counts: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const sum = new Map<string, number>();
  for (const own of counts) for (const [word, n] of Object.entries(own)) sum.set(word, (sum.get(word) ?? 0) + n);
  return Object.fromEntries([...sum].sort(([a], [b]) => (a < b ? -1 : 1)));
}
