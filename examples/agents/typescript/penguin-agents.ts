/** All agents of MLPipeline (examples/workflows/ml-pipeline.yaml) in one process. */
import { createAnnouncer } from './announcer.ts';
import { createPenguinAgents } from './penguins/agents.ts';
import { LABELS, readSetting } from './settings.ts';
import { startAll } from './start-all.ts';

const options = { labels: LABELS };
const settings = { data: readSetting('PENGUINS'), models: readSetting('MODELS') };
const agents = [...createPenguinAgents(settings, options), createAnnouncer(readSetting('WEBHOOK_URL'), options)];
await startAll(agents);
