/** With shorter windows than the product has; `npm run chaos -- --scenario NAME` shows the same with its own. Most of it is waiting. */
import { test } from 'vitest';
import { blackHole } from '../../chaos/scenarios/black-hole.ts';
import { cut } from '../../chaos/scenarios/cut.ts';
import { freeze } from '../../chaos/scenarios/freeze.ts';
import { wires } from '../../chaos/scenarios/wires.ts';
import { expectWhole } from './expect-whole.ts';

const SHORT = { beatIntervalMs: 1_500, lossWindowMs: 9_000 };
/** Agents stop by themselves after 0.9 of the window, and may have heard the last answer a beat ago: there is room for a slow machine. */
const HALF_MS = SHORT.lossWindowMs / 2;

test('after a cut of half a window no step that is not idempotent runs again', async () => {
  expectWhole(await cut({ ...SHORT, cutMs: HALF_MS }));
});

test('a black hole is found after three beats; idempotent work moves then, other work after the window', async () => {
  expectWhole(await blackHole(SHORT));
});

test('while the control plane is stopped nobody is lost, and a stopped agent wakes up to work that others do', async () => {
  expectWhole(await freeze({ ...SHORT, stallMs: HALF_MS }));
});

test('a wire that is slow, silent, reset, refused, half-closed or cut, each way, makes no step run again', async () => {
  expectWhole(await wires({ beatIntervalMs: 1_500, lossWindowMs: 15_000, faultMs: 1_000 }));
});
