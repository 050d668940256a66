/** Hello, Welcome, refusals, dialling again. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { valid } from 'semver';
import { NAME_PATTERN } from '../../core/ids.ts';
import { limits } from '../../core/limits.ts';
import type { Capability } from '../../gen/yardmaster/v1/capability_pb.ts';
import type { Hello } from '../../gen/yardmaster/v1/hello_pb.ts';
import { check } from '../breach.ts';
import { codes } from '../grpc-call.ts';
import type { Situation } from '../situation.ts';
import type { Stage } from '../stage.ts';

const UNAVAILABLE = { code: codes.unavailable, message: 'not now', reason: 'SHUTTING_DOWN' };

export const handshake: readonly Situation[] = [
  {
    name: 'hello-first',
    title: 'says Hello first, without a deadline, and waits for the Welcome',
    clauses: ['S-1', 'H-1'],
    manners: { welcomes: false },
    async play(stage) {
      const { stream } = stage;
      const deadline = stream.call.headers['grpc-timeout'];
      check(deadline === undefined, 'S-1', 'a call without a deadline', `grpc-timeout ${deadline}`);
      // What comes before the Welcome is found when all is over.
      await stage.pass(800);
      stream.welcome();
      await stage.until(['B-1'], 'a beat after the Welcome', 2_000, () => hasBeat(stage));
    },
  },
  {
    name: 'hello-fields',
    title: 'fills in Hello and what it offers',
    clauses: ['H-3', 'H-5', 'H-6', 'H-7', 'O-1', 'O-3', 'O-4'],
    async play(stage) {
      const { hello } = stage.stream;
      if (hello !== undefined) checkHello(hello);
    },
  },
  {
    name: 'same-instance',
    title: 'is the same instance on every stream',
    clauses: ['H-3', 'E-2'],
    async play(stage) {
      const first = stage.stream.hello;
      stage.cut(stage.stream);
      const { hello } = await stage.arrive(['E-2'], 5_000);
      check(hello?.instanceId === first?.instanceId, 'H-3', `instance ${first?.instanceId}`, `${hello?.instanceId}`);
      check(hello?.agentId === first?.agentId, 'H-3', `agent ${first?.agentId}`, `${hello?.agentId}`);
    },
  },
  {
    name: 'new-process',
    title: 'is a new instance of the same agent in a new process',
    clauses: ['H-4', 'H-3'],
    async play(stage) {
      const first = stage.stream.hello;
      await stage.kill();
      stage.launch();
      const { hello } = await stage.arrive();
      check(hello?.instanceId !== first?.instanceId, 'H-4', 'a new instance_id', `${hello?.instanceId} again`);
      check(hello?.agentId === first?.agentId, 'H-3', `agent ${first?.agentId}`, `${hello?.agentId}`);
    },
  },
  {
    name: 'nobody-there',
    title: 'dials until somebody answers',
    clauses: ['E-2'],
    isBefore: true,
    async play(stage) {
      await stage.port.open();
      await stage.port.close();
      stage.launch();
      await stage.never(['E-2'], 'an agent that waits', 2_000, () => exitOf(stage));
      await stage.port.open();
      await stage.arrive(['E-2']);
    },
  },
  {
    name: 'no-welcome',
    title: 'dials again when no Welcome comes',
    clauses: ['H-8'],
    manners: { welcomes: false },
    async play(stage) {
      await stage.pass(8_000);
      stage.manners.welcomes = true;
      const stream = await stage.arrive(['H-8'], 6_000);
      const ms = stream.openedAtMs - (stage.streams[0]?.helloAtMs ?? 0);
      check(ms >= 8_000, 'H-8', 'ten seconds of patience', `a new stream after ${Math.round(ms)} ms`);
    },
  },
  {
    name: 'refused-for-now',
    title: 'comes back after a refusal, later and later',
    clauses: ['E-2'],
    manners: { refusal: UNAVAILABLE },
    async play(stage) {
      for (let i = 0; i < 3; i++) await stage.arrive(['E-2'], 4_000);
      stage.manners.refusal = undefined;
      await stage.arrive(['E-2'], 6_000);
      const dials = stage.streams.length;
      check(dials <= 8, 'E-2', 'pauses that grow', `${dials} dials`);
    },
  },
  {
    name: 'refused-for-good',
    title: 'waits long after a refusal that time does not mend',
    clauses: ['E-3'],
    manners: {
      refusal: { code: codes.failedPrecondition, message: 'another version', reason: 'PROTOCOL_UNSUPPORTED' },
    },
    async play(stage) {
      await stage.never(['E-3'], 'ten seconds without a dial', 5_000, () =>
        stage.streams.length > 1 ? 'another stream' : undefined,
      );
    },
  },
  {
    name: 'retry-info',
    title: 'comes back no sooner than RetryInfo says',
    clauses: ['E-4'],
    manners: { refusal: { ...UNAVAILABLE, retryAfterMs: 2_500 } },
    async play(stage) {
      stage.manners.refusal = undefined;
      const stream = await stage.arrive(['E-2'], 10_000);
      const ms = stream.openedAtMs - (stage.streams[0]?.helloAtMs ?? 0);
      check(ms >= 2_450, 'E-4', 'no dial for 2500 ms', `one after ${Math.round(ms)} ms`);
    },
  },
  {
    name: 'welcome-defaults',
    title: 'goes by the defaults when the Welcome states no times',
    clauses: ['W-2', 'B-1'],
    rules: { beatIntervalMs: 0, silenceLimitMs: 0, lossWindowMs: 0, acceptDeadlineMs: 0 },
    async play(stage) {
      await stage.never(['W-2'], 'the default of 5 s between beats', 3_500, () =>
        hasBeat(stage) ? 'a beat' : undefined,
      );
      await stage.until(['W-2'], 'a beat within 5.5 s', 3_500, () => hasBeat(stage));
    },
  },
];

function hasBeat({ tape }: Stage): boolean {
  return tape.entries.some((entry) => entry.kind === 'received' && entry.frame.case === 'beat');
}

function exitOf({ exit }: Stage): string | undefined {
  return exit === undefined ? undefined : `the end of its process with code ${exit.code}`;
}

function checkHello({ agentId, instanceId, protocolVersion, sdk, state, held }: Hello): void {
  check(NAME_PATTERN.test(agentId), 'H-3', 'an agent_id of the right characters', `"${agentId}"`);
  check(NAME_PATTERN.test(instanceId), 'H-3', 'an instance_id of the right characters', `"${instanceId}"`);
  check(protocolVersion === 1, 'H-5', 'protocol_version 1', `${protocolVersion}`);
  check(sdk?.name !== undefined && sdk.name !== '', 'H-6', 'sdk.name', 'nothing');
  check(sdk?.language !== undefined && sdk.language !== '', 'H-6', 'sdk.language', 'nothing');
  check(held.length === 0, 'H-7', 'nothing held at first', `${held.length} attempts`);
  check(state !== undefined, 'H-1', 'a state', 'nothing');
  if (state === undefined) return;
  check(state.revision >= 1, 'O-1', 'a revision of at least 1', `${state.revision}`);
  check(state.slots <= limits.slotsMax, 'O-3', `at most ${limits.slotsMax} slots`, `${state.slots}`);
  const names = state.capabilities.map(({ name }) => name);
  check(new Set(names).size === names.length, 'O-3', 'unique names', names.join(' '));
  for (const capability of state.capabilities) checkCapability(capability);
}

function checkCapability({ name, version, inputSchema, outputSchema }: Capability): void {
  check(NAME_PATTERN.test(name), 'O-3', 'a name of the right characters', `"${name}"`);
  check(version === '' || valid(version) !== null, 'O-3', 'a semver version', `"${version}" of ${name}`);
  const ajv = new Ajv2020({ strict: false, logger: false });
  for (const schema of [inputSchema, outputSchema]) {
    if (schema === undefined) continue;
    let problem = '';
    try {
      ajv.compile(schema);
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    check(problem === '', 'O-4', 'a JSON Schema', `${problem} in a schema of ${name}`);
  }
}
