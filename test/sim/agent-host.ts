/** The machine of one agent: starts its process with the SDK's own session and attempt runner, kills it, lets it stand still. */
import { AttemptRunner, type RegisteredHandler } from '../../src/agent-sdk/attempt-runner.ts';
import type { HandlerContext } from '../../src/agent-sdk/context.ts';
import type { OfferedCapability } from '../../src/agent-sdk/news.ts';
import { SessionRunner } from '../../src/agent-sdk/session-runner.ts';
import { hash32 } from '../../src/core/random.ts';
import type { Answers } from './answers.ts';
import { type Asked, askOthers, drawAsks } from './asks.ts';
import { type BehaviourSettings, behave, type Moods } from './behaviour.ts';
import type { ControlPlaneHost } from './control-plane-host.ts';
import { Dice } from './dice.ts';
import type { Executions } from './executions.ts';
import { type Network, Route } from './network.ts';
import type { Outputs } from './outputs.ts';
import { isRight, tokenIn } from './secrets.ts';
import { SimClock } from './sim-clock.ts';
import { Process, type World } from './world.ts';

export interface AgentHostOptions {
  readonly world: World;
  readonly dice: Dice;
  readonly network: Network;
  readonly host: ControlPlaneHost;
  readonly executions: Executions;
  readonly answers: Answers;
  readonly outputs: Outputs;
  readonly agentId: string;
  readonly slots: number;
  readonly capabilities: readonly OfferedCapability[];
  /** What it claims. */
  readonly labels: Readonly<Record<string, string>>;
  readonly behaviour: BehaviourSettings;
  /** What its handlers may ask of other agents, and how often they do. */
  readonly asks: { readonly chance: number; readonly actions: readonly string[]; readonly asked: Asked };
  readonly moods: Moods;
}

export class AgentHost {
  readonly route = new Route();
  readonly options: AgentHostOptions;
  process: Process;
  /** Of the running process. */
  instanceId = '';
  private session: SessionRunner | undefined = undefined;
  private starts = 0;

  constructor(options: AgentHostOptions) {
    this.options = options;
    this.process = new Process(`${options.agentId}-0`);
    this.process.isDead = true;
  }

  get name(): string {
    return this.process.name;
  }

  start(): void {
    const { world, dice, network, host, agentId, slots, capabilities, labels } = this.options;
    this.starts += 1;
    const process = new Process(`${agentId}-${this.starts}`);
    this.process = process;
    this.instanceId = process.name;
    const clock = new SimClock(world, process);
    const mine = dice.fork(process.name);
    world.log(process.name, 'starts');
    const session: SessionRunner = new SessionRunner({
      identity: {
        agentId,
        instanceId: process.name,
        place: agentId,
        sdk: { name: 'sim', version: '1', language: 'ts' },
      },
      offer: { capabilities, slots, labels },
      random: mine.fork('session').random,
      clock,
      links: network.linksOf({ name: process.name, process, route: this.route }, host),
      events: {
        onOrders: (orders) => runner.obey(orders),
        onPhase: (phase) => {
          world.log(process.name, `is ${phase.state}`);
          if (phase.state === 'MOVING') this.options.executions.toldToMove(process, phase.reason);
          if (phase.state === 'CONNECTED') runner.resize(phase);
          if (phase.state === 'ENDED') this.ended(process);
        },
      },
    });
    const runner = new AttemptRunner({
      clock,
      tell: (news) => session.tell(news),
      blobs: session,
      calls: session,
      handlers: new Map(capabilities.map((offered) => [offered.name, this.handlerOf(process, clock, offered)])),
    });
    this.session = session;
    session.start();
  }

  /** kill -9, or the plug: then nobody closes the connections. */
  crash(isPlug: boolean): void {
    if (this.process.isDead) return;
    const { world, network } = this.options;
    world.log(this.name, isPlug ? 'loses power' : 'is killed');
    const serverAfterMs = isPlug ? undefined : network.dice.between(0, 5);
    for (const stream of [...this.route.streams]) {
      if (stream.agent === this.process) stream.cut({ agentAfterMs: undefined, serverAfterMs });
    }
    this.gone(this.process);
  }

  /** SIGTERM. */
  leave(graceMs: number): void {
    if (this.process.isDead) return;
    this.options.world.log(this.name, 'leaves');
    this.session?.leave('rolling restart', graceMs);
  }

  private ended(process: Process): void {
    if (process.isDead) return;
    this.gone(process);
    // A supervisor starts it again.
    this.options.world.after(this.options.dice.between(100, 3_000), undefined, 'timer', () => {
      if (this.process === process) this.start();
    });
  }

  private gone(process: Process): void {
    this.options.world.kill(process);
    this.options.executions.processEnded(process);
  }

  private handlerOf(process: Process, clock: SimClock, offered: OfferedCapability): RegisteredHandler {
    const { world, dice, executions, answers, outputs, asks, behaviour, moods } = this.options;
    return {
      run: async (input: unknown, ctx: HandlerContext) => {
        const { runId, step, number } = ctx.attempt;
        const attempt = `${runId.slice(22)}/${step}#${number}`;
        const execution = executions.begin(process, ctx.attempt, offered.idempotent);
        world.log(process.name, `handles ${attempt}`);
        const token = tokenIn(input);
        if (token !== undefined) executions.gotToken(execution, isRight(token));
        try {
          const mine = drawAsks(new Dice(hash32(`${runId}/${step}`)).fork('invoke'), asks.chance, asks.actions);
          await askOthers(ctx, mine, { asked: asks.asked, clock, token });
          const luck = dice.fork(`${runId}/${step}#${number}`);
          const output = await behave(ctx, execution, {
            dice: luck,
            clock,
            settings: behaviour,
            moods,
            token,
            outputs,
          });
          answers.completed(`${runId}/${step}#${number}`, output);
          return output;
        } catch (error) {
          answers.threw(`${runId}/${step}#${number}`, error, ctx.signal.aborted);
          throw error;
        } finally {
          if (!process.isDead) {
            executions.end(execution);
            world.log(process.name, `handled ${attempt}`);
          }
        }
      },
    };
  }
}
