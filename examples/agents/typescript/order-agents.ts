/** All agents of DataPipeline (examples/workflows/data-pipeline.yaml) in one process. */
import { createOrderAgents } from './orders/agents.ts';
import { LABELS, readSetting } from './settings.ts';
import { startAll } from './start-all.ts';

const settings = {
  database: readSetting('ORDERS_DB'),
  apiUrl: readSetting('ORDERS_URL'),
  files: readSetting('ORDERS_FILES'),
  warehouse: readSetting('WAREHOUSE_DB'),
  webhookUrl: readSetting('WEBHOOK_URL'),
};
const agents = createOrderAgents(settings, { labels: LABELS });
await startAll(agents);
