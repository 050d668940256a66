/** The figures beside what is required and what is aimed at, as a table. */
import type { Ceilings } from './ceilings.ts';
import type { CurveFigures, CurvePoint } from './curves.ts';
import type { FailoverFigures } from './failover.ts';
import type { FleetFigures } from './fleet.ts';
import type { IdleFigures } from './idle.ts';
import type { QueuedFigures } from './queued.ts';
import type { RecoveryPoint } from './recovery.ts';
import type { ThroughputFigures } from './throughput.ts';
import type { WaitingFigures } from './waiting.ts';

export interface BenchResult extends Partial<ThroughputFigures> {
  readonly ceilings?: Ceilings;
  readonly curves?: CurveFigures;
  readonly failover?: FailoverFigures;
  readonly fleet?: FleetFigures;
  readonly idle?: IdleFigures;
  readonly waiting?: WaitingFigures;
  readonly queued?: QueuedFigures;
  readonly recovery?: readonly RecoveryPoint[];
}

type Row = readonly [figure: string, measured: string, required: string, aim: string];

export function printTable(result: BenchResult): void {
  const rows: Row[] = [
    ['figure', 'measured', 'required', 'aim'],
    ...throughputRows(result),
    ...curveRows(result),
    ...recoveryRows(result),
    ...fleetRows(result),
    ...otherRows(result),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}

function throughputRows({ ceilings, chain1, chain64, fanout8 }: BenchResult): Row[] {
  if (ceilings === undefined) return [];
  const { fdatasyncP50Us, echoPerSecond } = ceilings;
  const rows: Row[] = [
    ['fdatasync of a 4 KiB append, p50', us(fdatasyncP50Us), '', ''],
    ['grpc-js echo, 300 B, 64 in flight', perSecond(echoPerSecond), '', ''],
  ];
  if (chain1 !== undefined) {
    rows.push([
      'chain of 10, 1 client: step p50',
      us(chain1.stepP50Us),
      `<= ${us(fdatasyncP50Us + 1_200)}`,
      us(fdatasyncP50Us + 600),
    ]);
    rows.push(['chain of 10, 1 client: step p99', us(chain1.stepP99Us), '', '']);
  }
  const share = (name: string, value: number, required: number, aim: number): Row => [
    name,
    `${perSecond(value)} = ${(value / echoPerSecond).toFixed(2)} x echo`,
    `${required} x echo`,
    `${aim} x echo`,
  ];
  if (chain64 !== undefined) rows.push(share('chain of 10, 64 clients', chain64.stepsPerSecond, 0.25, 0.4));
  if (fanout8 !== undefined) rows.push(share('fan-out of 100, 8 runs at once', fanout8.stepsPerSecond, 0.4, 0.8));
  return rows;
}

/** A figure of the longest run against that of the shortest says whether the cost of a step grows with its run. */
function recoveryRows({ recovery = [] }: BenchResult): Row[] {
  return recovery.map((point) => {
    const { wholeMs, readMs, decodeMs, foldMs, snapshotMs, rowsAfter, snapshotBytes } = point;
    const parts = `read ${readMs.toFixed(0)}, decode ${decodeMs.toFixed(0)}, fold ${foldMs.toFixed(0)}`;
    const gain =
      snapshotBytes === 0 ? 'no snapshot' : `${snapshotMs.toFixed(0)} ms with ${rowsAfter} rows after a snapshot`;
    const name = `load of a loop, ${point.iterations} iterations, ${point.events} events`;
    return [name, `${wholeMs.toFixed(0)} ms whole (${parts}); ${gain}`, '', ''];
  });
}

function curveRows({ curves }: BenchResult): Row[] {
  if (curves === undefined) return [];
  return Object.entries(curves).flatMap(([shape, points]: [string, readonly CurvePoint[]]) =>
    points.map(({ steps, stepUs, stepCpuUs, stepBytes }): Row => {
      const name = `${shape} of ${steps.toLocaleString('en')}: a step's time, CPU, heap`;
      return [name, `${us(stepUs)}, ${us(stepCpuUs)}, ${Math.round(stepBytes)} B`, '', ''];
    }),
  );
}

function fleetRows({ fleet }: BenchResult): Row[] {
  if (fleet === undefined) return [];
  const { agents, mix, connectMs, idle, bytesPerAgent, burst } = fleet;
  const parts = mix.map(({ language, processes, instancesEach }) => `${processes} x ${instancesEach} ${language}`);
  const overheads = Object.entries(burst.overheadP50Ms).map(([language, value]) => `${language} ${value.toFixed(0)}`);
  return [
    [`${agents} agents: ${parts.join(', ')}`, '', '', ''],
    ['  first Hello to all ready', ms(connectMs), '', ''],
    [`  CPU of a core, idle for ${idle.seconds} s`, `${(idle.cpuCores * 100).toFixed(1)} %`, '', ''],
    ['  memory each', `${(bytesPerAgent / 1_024).toFixed(1)} KiB`, '', ''],
    [
      `  ${burst.steps} steps of ${ms(burst.stepMs)} at once`,
      `${ms(burst.ms)} on ${burst.instancesUsed} of them`,
      '',
      '',
    ],
    [
      '  given out in; p50 of an attempt beyond its work',
      `${ms(burst.givenOutMs)}; ${overheads.join(', ')} ms`,
      '',
      '',
    ],
  ];
}

function otherRows({ failover, idle, waiting, queued }: BenchResult): Row[] {
  const rows: Row[] = [];
  if (failover !== undefined) {
    const { p50Ms, p95Ms, p99Ms, maxMs, n } = failover;
    rows.push([`kill -9 to the new assignment, ${n} kills: p95`, ms(p95Ms), '40 ms', '15 ms']);
    rows.push(['  p50, p99, max', `${ms(p50Ms)}, ${ms(p99Ms)}, ${ms(maxMs)}`, '', '']);
  }
  if (idle !== undefined) {
    rows.push(['1,000 idle agents: database writes', String(idle.databaseWrites), '0', '0']);
    rows.push(['1,000 idle agents: CPU of a core', `${(idle.cpuCores * 100).toFixed(1)} %`, '5 %', '2 %']);
    rows.push([
      '1,000 idle agents: memory each',
      `${(idle.bytesPerAgent / 1_024).toFixed(1)} KiB`,
      '100 KiB',
      '80 KiB',
    ]);
  }
  if (waiting !== undefined) {
    rows.push(['100,000 waiting steps: heap each', `${Math.round(waiting.bytesPerStep)} B`, '350 B', '200 B']);
    rows.push([
      'freed slot to assignment, against one waiting',
      `${waiting.cycleRatio.toFixed(2)} x`,
      '1.5 x',
      '1.1 x',
    ]);
  }
  if (queued !== undefined) {
    const { restartMs, restartEmptyMs, bytesPerRun, nextP50Ms, nextP99Ms } = queued;
    rows.push(['100,000 queued runs: start after kill -9', ms(restartMs), '', '']);
    rows.push(['  with 1,000 queued', ms(restartEmptyMs), '', '']);
    rows.push(['100,000 queued runs: heap each', `${Math.round(bytesPerRun)} B`, '350 B', '200 B']);
    rows.push(['end of a run to the next one at the agent, p50, p99', `${ms(nextP50Ms)}, ${ms(nextP99Ms)}`, '', '']);
  }
  return rows;
}

const us = (value: number): string => `${Math.round(value)} us`;
const ms = (value: number): string => `${value.toFixed(1)} ms`;
const perSecond = (value: number): string => `${Math.round(value).toLocaleString('en')} /s`;
