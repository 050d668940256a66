/** One agent that reads texts: what TextAnalysis, MasterWorker and CustomerSupport call. Start several for more at once. */
import { Agent, type AgentOptions, capability } from 'yardmaster/agent-sdk';
import { z } from 'zod';
import { addCounts, classifyText, countWords, findEntities, scoreSentiment, summarize } from './analyse.ts';

const Text = z.object({ text: z.string() });
const Counts = z.record(z.string(), z.int());

export const sentiment = capability('sentiment', {
  description: 'The mood of a text, from -1 to 1',
  input: Text,
  output: z.object({ score: z.number() }),
  idempotent: true,
});
export const entities = capability('entities', {
  description: 'Names in a text',
  input: Text,
  output: z.object({ names: z.array(z.string()) }),
  idempotent: true,
});
export const classify = capability('classify', {
  description: 'What a text is about',
  input: Text,
  output: z.object({ topic: z.string() }),
  idempotent: true,
});
export const summary = capability('summarize', {
  description: 'A text in one sentence',
  input: Text,
  output: z.object({ summary: z.string() }),
  idempotent: true,
});
export const count = capability('count-words', {
  description: 'How often each word stands in a text',
  input: Text,
  output: Counts,
  idempotent: true,
});
export const add = capability('add-counts', {
  description: 'The sum of several counts',
  input: z.record(z.string(), Counts),
  output: Counts,
  idempotent: true,
});

/** Not started. */
export function createTextAgent(options: Omit<AgentOptions, 'id'> = {}): Agent {
  return new Agent({ id: 'text-reader', ...options })
    .handle(sentiment, ({ text }) => ({ score: scoreSentiment(text) }))
    .handle(entities, ({ text }) => ({ names: [...findEntities(text)] }))
    .handle(classify, ({ text }) => ({ topic: classifyText(text) }))
    .handle(summary, ({ text }) => ({ summary: summarize(text) }))
    .handle(count, ({ text }) => ({ ...countWords(text) }))
    .handle(add, (counts) => ({ ...addCounts(Object.values(counts)) }));
}
