/**
 * The labels that operators give to agents, one change after another. Labels and their entry of the audit log are durable, in one
 * batch, before a step is matched with them.
 */
import { YardmasterError } from '../../core/errors.ts';
import { labelChangeText } from '../../core/label-change.ts';
import { limits } from '../../core/limits.ts';
import { changeLabels, type Labels } from '../registry/agent-labels.ts';
import type { Fleet, FleetAction } from '../registry/fleet.ts';
import type { Instance } from '../registry/instance.ts';
import type { AgentKey, Store } from '../store/port.ts';
import type { AuditLog } from './audit-log.ts';
import type { Committer } from './committer.ts';
import type { AgentView, LabelAgentRequest, LabelledAgent } from './control-plane.ts';
import { agentNotFound, viewAgent, viewAgents } from './views.ts';
import { writeDurably } from './write-durably.ts';

const PAGE = 1_000;

export interface AgentLabellingOptions {
  readonly fleet: Fleet;
  readonly store: Pick<Store, 'listAgentEvents' | 'loadAgentLabels'>;
  readonly audit: AuditLog;
  readonly committer: () => Committer;
  readonly lost: () => Iterable<Instance>;
  readonly apply: (actions: readonly FleetAction[]) => void;
  /** Throws while nothing new is taken. */
  readonly admit: () => void;
}

export class AgentLabelling {
  private readonly options: AgentLabellingOptions;
  /** Never rejects. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(options: AgentLabellingOptions) {
    this.options = options;
  }

  /** Reads what the store has, before any agent says Hello. */
  async load(): Promise<void> {
    const { store, fleet } = this.options;
    for (let after: AgentKey | undefined; ; ) {
      const page = await store.loadAgentLabels(after, PAGE);
      for (const row of page) fleet.labels.put(row, row.labels);
      after = page.at(-1);
      if (page.length < PAGE) return;
    }
  }

  /** Throws AGENT_NOT_FOUND for an agent that was never seen, and LIMIT. */
  label(request: LabelAgentRequest): Promise<LabelledAgent> {
    const mine = this.last.then(() => this.inTurn(request));
    this.last = mine.catch(() => undefined);
    return mine.then((changed) => ({ agent: this.view(request), changed }));
  }

  /** From memory: what is done is told, whether or not the store can be read now. */
  private view({ namespace, agentId }: LabelAgentRequest): AgentView {
    return viewAgent(this.options.fleet, this.options.lost(), namespace, agentId);
  }

  private async inTurn(request: LabelAgentRequest): Promise<boolean> {
    const { fleet, committer, audit } = this.options;
    this.options.admit();
    const { namespace, agentId, reason, caller } = request;
    const before = fleet.labels.of(request);
    await this.mustBeSeen(request, before);
    const labels = changeLabels(before, request);
    if (labels === undefined) return false;
    mustBeFew(agentId, labels);
    const entry = audit.entryOf(caller, {
      namespace,
      action: 'agent.label',
      kind: 'AGENT',
      subject: agentId,
      details: { labels: labelChangeText(request), reason },
    });
    await writeDurably(committer, (batch) => {
      batch.agentLabels.push({ namespace, agentId, labels });
      if (entry !== undefined) batch.audit.push(entry);
    });
    const operator = { actor: caller?.actor ?? 'anonymous', reason };
    this.options.apply(fleet.label(request, labels, operator));
    return true;
  }

  /** A name that was never seen is a mistake; one that has labels can always lose them. */
  private async mustBeSeen({ namespace, agentId }: LabelAgentRequest, before: Labels): Promise<void> {
    const { fleet, store, lost } = this.options;
    if (Object.keys(before).length > 0) return;
    const agents = viewAgents(fleet, lost(), namespace);
    if (agents.some((agent) => agent.agentId === agentId)) return;
    if ((await store.listAgentEvents(agentId, 1)).length === 0) throw agentNotFound(agentId, agents);
  }
}

function mustBeFew(agentId: string, labels: Labels): void {
  const count = Object.keys(labels).length;
  if (count <= limits.labelsMax) return;
  throw new YardmasterError(
    'LIMIT',
    `Cannot label agent "${agentId}": it would have ${count} labels of operators; at most ${limits.labelsMax} are allowed`,
    { meta: { agent: agentId }, next: `take some away: yardmaster agents label ${agentId} KEY-` },
  );
}
