/** The agent of TextAnalysis and MasterWorker. One attempt at a time: start three for three workers. */
import { LABELS } from './settings.ts';
import { startAll } from './start-all.ts';
import { createTextAgent } from './text/agent.ts';

await startAll([createTextAgent({ labels: LABELS })]);
