/** Every block of the language, and what starts steps besides. A new one is a file in blocks/ and a line here. */
import { agent } from './blocks/agent.ts';
import { compensate } from './blocks/compensate.ts';
import { condition } from './blocks/condition.ts';
import { fallback } from './blocks/fallback.ts';
import { finallyBlock } from './blocks/finally.ts';
import { loop } from './blocks/loop.ts';
import { map } from './blocks/map.ts';
import { parallel } from './blocks/parallel.ts';
import { quorum } from './blocks/quorum.ts';
import { sequential } from './blocks/sequential.ts';
import { set } from './blocks/set.ts';
import { signal } from './blocks/signal.ts';
import { switchBlock } from './blocks/switch.ts';
import { wait } from './blocks/wait.ts';
import { workflow } from './blocks/workflow.ts';
import type { Entry } from './entry.ts';

export const table: readonly Entry[] = [
  agent,
  parallel,
  quorum,
  sequential,
  condition,
  switchBlock,
  loop,
  map,
  set,
  wait,
  signal,
  workflow,
  fallback,
  compensate,
  finallyBlock,
];
