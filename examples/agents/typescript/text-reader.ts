/** The agent of TextAnalysis and MasterWorker. One attempt at a time: start three for three workers. */
import { LABELS } from './settings.ts';
import { createTextAgent } from './text/agent.ts';

await createTextAgent({ labels: LABELS }).start({ signals: true });
