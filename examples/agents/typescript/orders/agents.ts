/** The agents of DataPipeline. Each could be a process of its own; here the settings are arguments, so that one can hold all of them. */
import { Agent, type AgentOptions, StepError } from 'yardmaster/agent-sdk';
import { createAnnouncer } from '../announcer.ts';
import { clean, enrich, load, readOrderApi, readOrderDatabase, readOrderFiles, validate } from './capabilities.ts';
import { cleanOrders, findProblems, priceOrders } from './order.ts';
import { readApi, readDatabase, readFiles } from './sources.ts';
import { loadOrders } from './warehouse.ts';

export interface OrderSettings {
  /** The SQLite file of the shop. */
  readonly database: string;
  /** Address of the marketplace. */
  readonly apiUrl: string;
  /** Folder of the partners' files. */
  readonly files: string;
  /** The SQLite file that is loaded. */
  readonly warehouse: string;
  /** Where messages are posted. */
  readonly webhookUrl: string;
}

/** Not started. `options` are those of every agent, such as `url`. */
export function createOrderAgents(settings: OrderSettings, options: Omit<AgentOptions, 'id'> = {}): readonly Agent[] {
  const agent = (id: string): Agent => new Agent({ id, ...options });
  return [
    agent('database-extractor').handle(readOrderDatabase, () => [...readDatabase(settings.database)]),
    agent('api-extractor').handle(readOrderApi, async ({ key }, ctx) => [
      ...(await readApi(settings.apiUrl, key, ctx.signal)),
    ]),
    agent('file-extractor').handle(readOrderFiles, async ({ passphrase }) => [
      ...(await readFiles(settings.files, passphrase)),
    ]),
    agent('order-cleaner').handle(clean, (sources) => {
      const { orders, dropped } = cleanOrders(sources);
      return { orders: [...orders], dropped };
    }),
    agent('order-validator').handle(validate, ({ orders }) => {
      const problems = [...findProblems(orders)];
      return { valid: problems.length === 0, problems };
    }),
    agent('order-enricher').handle(enrich, ({ orders, euros }) => {
      const { priced, unknown } = priceOrders(orders, euros);
      if (unknown.length > 0) throw new StepError('NO_RATE', `no rate for ${unknown.join(', ')}`, { retryable: false });
      return { orders: [...priced], euros: priced.reduce((sum, order) => sum + order.euros, 0) };
    }),
    agent('warehouse-loader').handle(load, ({ orders }) => loadOrders(settings.warehouse, orders)),
    createAnnouncer(settings.webhookUrl, options),
  ];
}
