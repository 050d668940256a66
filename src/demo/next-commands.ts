/** What to try after the demo. */
import type { Lines } from './lines.ts';
import { ownCommand } from './own-command.ts';

const DEFAULT_PORT = '7420';

export interface NextOptions {
  readonly address: string;
  readonly runId: string;
  readonly workflow: string;
  /** What the demo was called with, such as ` --languages go`. */
  readonly flags?: string;
  readonly folder: string;
  readonly store: string;
}

/** The mesh is still up: look into it. */
export function printMeshCommands(lines: Lines, { address, runId, workflow }: NextOptions): void {
  const command = ownCommand();
  const url = address.endsWith(`:${DEFAULT_PORT}`) ? '' : ` --url http://${address}`;
  lines.text(`the mesh is up at ${address}; Ctrl-C ends it. In another terminal:`);
  lines.text(`  ${command} agents list${url}`);
  lines.text(`  ${command} runs get ${runId}${url}`);
  lines.text(`  ${command} runs watch ${runId}${url}`);
  lines.text(`  ${command} run ${workflow}${url}`);
  lines.text(`  grpcurl -plaintext ${address} list`);
  lines.text(`  grpcurl -plaintext ${address} describe yardmaster.v1.AgentService`);
  lines.text(`  grpcurl -plaintext ${address} yardmaster.v1.FleetService/ListAgents`);
  lines.text(`  grpcurl -plaintext -d '{"run_id":"${runId}"}' ${address} yardmaster.v1.RunService/WatchRun`);
  lines.text(`  grpcurl -plaintext ${address} grpc.health.v1.Health/Check`);
}

/** The mesh is gone; its store is not. */
export function printStoreCommands(lines: Lines, { folder, store, runId, flags = '' }: NextOptions): void {
  const command = ownCommand();
  lines.text('next:');
  lines.text(`  ${command} demo${flags} --keep      leaves the mesh up to look into`);
  lines.text(`  ${command} serve --store ${store}`);
  lines.text(`  ${command} runs get ${runId}      from that store, when it is served`);
  lines.text(`logs and databases: ${folder}`);
}
