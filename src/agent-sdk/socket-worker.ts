/** The worker thread of an agent: socket, beats and outbox live here, so a busy handler cannot silence its own agent. */
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../core/clock.ts';
import { toYardmasterError, YardmasterError } from '../core/errors.ts';
import { systemRandom } from '../core/random.ts';
import { createGrpcLinks } from './grpc-link.ts';
import { HangWatch } from './hang-watch.ts';
import type { CallProgress } from './link.ts';
import { packOrders, unpackNews } from './packed.ts';
import { SessionRunner } from './session-runner.ts';
import type { SocketWorkerData, ToHost, ToWorker } from './worker-messages.ts';

if (parentPort === null)
  throw new YardmasterError('INTERNAL', 'Cannot run the socket worker: it is not in a worker thread');
const port = parentPort;
// Both sides of the port are ours and of the same version.
const { identity, offer, link } = workerData as SocketWorkerData;

const post = (message: ToHost): void => port.postMessage(message);
const session = new SessionRunner({
  identity,
  offer,
  clock: systemClock,
  random: systemRandom,
  links: createGrpcLinks(link),
  events: {
    onOrders: (orders) => post({ type: 'orders', orders: packOrders(orders) }),
    onPhase: (phase) => {
      post({ type: 'phase', phase });
      // Every link is closed by then: without the port nothing holds this thread.
      if (phase.state === 'ENDED') setImmediate(() => port.close());
    },
  },
});
const transfers = new Map<number, AbortController>();
const hangWatch = new HangWatch(systemClock.monotonic());
const pings = setInterval(() => {
  for (const step of hangWatch.look(systemClock.monotonic())) {
    if (step.type === 'hung') session.hang(step.silentMs);
    else post(step);
  }
}, HangWatch.intervalMs);
pings.unref();

port.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'start':
      return session.start();
    case 'news':
      for (const news of unpackNews(message.news)) session.tell(news);
      return;
    case 'offer':
      return session.offer(message.offer);
    case 'leave':
      return session.leave(message.reason, message.graceMs);
    case 'end':
      return session.end(message.reason);
    case 'pong':
      if (hangWatch.answer(systemClock.monotonic())) session.recover();
      return;
    case 'abort':
      return transfers.get(message.call)?.abort();
    case 'upload':
    case 'download':
    case 'invoke':
      void transfer(message);
  }
});

async function transfer(message: Extract<ToWorker, { type: 'upload' | 'download' | 'invoke' }>): Promise<void> {
  const { call } = message;
  const controller = new AbortController();
  transfers.set(call, controller);
  try {
    if (message.type === 'invoke') {
      const onProgress = (progress: CallProgress): void => post({ type: 'progressed', call, progress });
      post({ type: 'invoked', call, answer: await session.invoke(message.order, onProgress, controller.signal) });
    } else if (message.type === 'upload') {
      post({ type: 'uploaded', call, blob: await session.upload(message.upload, controller.signal) });
    } else {
      const bytes = await session.download(message.runId, message.blob, controller.signal);
      post({ type: 'downloaded', call, bytes });
    }
  } catch (error) {
    const { code, message: text, meta } = toYardmasterError(error);
    post({ type: 'failed', call, code, message: text, reason: meta.reason ?? '' });
  } finally {
    transfers.delete(call);
  }
}
