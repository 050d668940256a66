/** Random schedules of work, cuts and a network that swallows everything at times against the promises of the session core. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../../../src/core/random.ts';
import { attemptId, CoreDriver } from './core-driver.ts';

const LOSS_WINDOW_MS = 30_000;
const NAMES = ['a', 'b', 'c'];

type Step =
  | { readonly type: 'assign' | 'complete' | 'ack' | 'accept'; readonly name: string }
  | { readonly type: 'advance'; readonly ms: number }
  | { readonly type: 'cut' | 'net' | 'welcome' | 'ackBeat' | 'goAway' };

const named = fc.record({
  type: fc.constantFrom('assign' as const, 'complete' as const, 'ack' as const, 'accept' as const),
  name: fc.constantFrom(...NAMES),
});
const advance = fc.record({ type: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 20_000 }) });
const event = fc.record({
  type: fc.constantFrom('cut' as const, 'net' as const, 'welcome' as const, 'ackBeat' as const, 'goAway' as const),
});
const schedule = fc.array(fc.oneof(named, named, named, advance, event), { minLength: 1, maxLength: 80, size: 'max' });

/** The control plane's side: what it heard, over a network that is down at times. */
class Model {
  readonly driver: CoreDriver;
  readonly greeted = new Set<number>();
  isDown = false;
  readonly welcomed = new Set<number>();
  readonly ended = new Set<string>();
  readonly acked = new Set<string>();
  heardAt = 0;
  /** The last beat that came through, by link. */
  readonly #beats = new Map<number, number>();
  #read = 0;

  constructor(seed: number) {
    this.driver = new CoreDriver(NAMES.length, seededRandom(seed));
    this.driver.connect();
    this.welcomed.add(this.driver.link);
    this.listen();
  }

  get isReachable(): boolean {
    return !this.isDown;
  }

  /** A control plane gives work only to a session that it hears. */
  get isServing(): boolean {
    const { link, now } = this.driver;
    return this.isReachable && this.welcomed.has(link) && now < this.heardAt + LOSS_WINDOW_MS / 2;
  }

  /** Takes what was sent since the last call. */
  listen(): void {
    const { log } = this.driver;
    for (; this.#read < log.length; this.#read++) {
      const entry = log[this.#read];
      if (entry?.action.type !== 'send' || !this.isReachable) continue;
      this.heardAt = entry.at;
      const { link, frame } = entry.action;
      if (frame.frame.case === 'hello') this.greeted.add(link);
      if (frame.frame.case === 'beat') this.#beats.set(link, frame.frame.value.number);
    }
  }

  run(step: Step): void {
    const { driver } = this;
    switch (step.type) {
      case 'assign':
        if (this.isServing) driver.assign(attemptId(step.name));
        break;
      case 'accept':
        driver.accept(attemptId(step.name));
        break;
      case 'complete':
        if (driver.starts.includes(attemptId(step.name))) this.ended.add(attemptId(step.name));
        driver.complete(attemptId(step.name));
        break;
      case 'ack':
        this.#ack(attemptId(step.name));
        break;
      case 'advance':
        this.#advance(step.ms);
        break;
      case 'cut':
        driver.cut();
        break;
      case 'net':
        this.isDown = !this.isDown;
        break;
      case 'welcome':
        this.#welcome();
        break;
      case 'ackBeat':
        if (this.isReachable && this.welcomed.has(driver.link)) this.#ackBeat();
        break;
      case 'goAway':
        if (this.isReachable) driver.goAway();
    }
    this.listen();
  }

  /** In small steps, so that what must hold at each moment is looked at. */
  #advance(ms: number): void {
    for (let left = ms; left > 0; left -= 100) {
      this.driver.advance(Math.min(left, 100));
      this.listen();
      this.check();
      if (left % 1_000 < 100) this.#serve();
    }
  }

  /** A control plane that can be reached answers by itself now and then. */
  #serve(): void {
    if (!this.isReachable) return;
    if (this.welcomed.has(this.driver.link)) this.#ackBeat();
    else this.#welcome();
  }

  /** Nobody acks a beat that the network swallowed. */
  #ackBeat(): void {
    const number = this.#beats.get(this.driver.link);
    if (number !== undefined) this.driver.ackBeat(number);
  }

  #ack(id: string): void {
    if (!this.isReachable || !this.driver.results().some((result) => result.startsWith(`${id} `))) return;
    this.acked.add(id);
    this.driver.ackResult(id);
  }

  #welcome(): void {
    const { driver } = this;
    if (!this.isReachable || !this.greeted.has(driver.link) || this.welcomed.has(driver.link)) return;
    this.welcomed.add(driver.link);
    const listed = driver.frames().flatMap((frame) => (frame.case === 'hello' ? frame.value.held : []));
    for (const id of this.ended) if (!this.acked.has(id)) expect(listed.map((h) => h.attemptId)).toContain(id);
    driver.welcome(LOSS_WINDOW_MS);
    for (const { attemptId: id, finished } of listed) {
      if (finished) expect(driver.results()).toContain(`${id} completed`);
    }
  }

  check(): void {
    const { driver } = this;
    expect(new Set(driver.starts).size).toBe(driver.starts.length);
    if (driver.now < this.heardAt + LOSS_WINDOW_MS) return;
    const stopped = new Set(driver.stops.map((stop) => stop.split(' ')[0]));
    for (const id of driver.starts) if (!this.ended.has(id)) expect(stopped).toContain(id);
  }
}

test('never starts twice, never forgets a result, and has stopped before the control plane gives a step away', () => {
  fc.assert(
    fc.property(schedule, fc.integer(), (steps, seed) => {
      const model = new Model(seed);
      for (const step of steps) {
        model.run(step);
        model.check();
      }
    }),
    { numRuns: 100 },
  );
});

test('once it can talk again, every result arrives and nothing is held but what runs', () => {
  fc.assert(
    fc.property(schedule, fc.integer(), (steps, seed) => {
      const model = new Model(seed);
      for (const step of steps) model.run(step);
      model.isDown = false;
      const { driver } = model;
      driver.cut().reconnect();
      for (const id of model.ended) {
        if (!model.acked.has(id)) expect(driver.results()).toContain(`${id} completed`);
        driver.ackResult(id);
      }
      expect(driver.core.heldCount).toBe(driver.starts.filter((id) => !model.ended.has(id)).length);
    }),
    { numRuns: 100 },
  );
});
