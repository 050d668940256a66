/** The agents of the demo: which, how many, and what they are told about the world around them. */
import { fileURLToPath } from 'node:url';
import type { Child, Processes } from './processes.ts';
import type { Web } from './web.ts';

/** Processes of each agent. */
const REPLICAS: Readonly<Record<string, number>> = {
  'db-extractor': 2,
  'api-extractor': 1,
  'data-cleaner': 1,
  'data-transformer': 2,
  'report-generator': 1,
  'dashboard-updater': 1,
  notifier: 1,
};

export interface AgentProcess extends Child {
  readonly agent: string;
  /** From 1, within its agent. */
  readonly replica: number;
}

export interface World {
  readonly url: string;
  readonly web: Web;
  readonly folders: { readonly sources: string; readonly results: string; readonly outputs: string };
}

/** Separate processes of the example agents, whose sources are in examples/agents/typescript. */
export function startAgents(processes: Processes, { url, web, folders }: World): readonly AgentProcess[] {
  const env = {
    YARDMASTER_URL: url,
    SOURCES: folders.sources,
    RESULTS: folders.results,
    OUTPUTS: folders.outputs,
    AIRPORTS_URL: web.airportsUrl,
    WEBHOOK_URL: web.notificationsUrl,
  };
  return Object.entries(REPLICAS).flatMap(([agent, replicas]) =>
    Array.from({ length: replicas }, (_, i) => {
      const child = processes.spawn({ name: `${agent} ${i + 1}`, args: [agentScript(agent)], env });
      return { name: child.name, pid: child.pid, agent, replica: i + 1 };
    }),
  );
}

export function workflowFile(): string {
  return fileURLToPath(new URL('workflows/optimized-data-processing.yaml', examplesFolder()));
}

function agentScript(agent: string): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return fileURLToPath(new URL(`agents/typescript/${agent}.${extension}`, examplesFolder()));
}

/** The sources' own examples, or those that were built beside this file. */
function examplesFolder(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? '../../examples/' : '../examples/', import.meta.url);
}
