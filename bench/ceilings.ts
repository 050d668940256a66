/** What this machine gives at best in this run: the figures that everything else is compared with. */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { echoMethod } from './echo-method.ts';
import { startProcess } from './start-process.ts';

const APPENDS = 100;
const ECHO_BYTES = 300;
const ECHO_IN_FLIGHT = 64;

export interface Ceilings {
  readonly fdatasyncP50Us: number;
  readonly echoPerSecond: number;
}

/** Microseconds that each of some 4 KiB appends and its fdatasync took, in the folder where the stores of this run stand. */
export function timeFdatasyncs(): readonly number[] {
  const folder = mkdtempSync(join(tmpdir(), 'yardmaster-bench-'));
  const file = openSync(join(folder, 'append'), 'a');
  const block = Buffer.alloc(4_096, 7);
  const times: number[] = [];
  for (let i = 0; i < APPENDS; i++) {
    const startedAt = performance.now();
    writeSync(file, block);
    fdatasyncSync(file);
    times.push((performance.now() - startedAt) * 1_000);
  }
  closeSync(file);
  rmSync(folder, { recursive: true });
  return times;
}

/**
 * Round trips per second over one stream between two processes, after as long to warm up. A pair of processes keeps one of
 * two paces, which differ by half, for as long as it lives: take the median of several.
 */
export async function measureEcho(seconds: number): Promise<number> {
  const server = await startProcess<{ port: number }>('echo-server.ts');
  const client = new Client(`127.0.0.1:${server.ready.port}`, credentials.createInsecure());
  const call = client.makeBidiStreamRequest(
    echoMethod.path,
    echoMethod.requestSerialize,
    echoMethod.responseDeserialize,
  );
  const message = Buffer.alloc(ECHO_BYTES, 1);
  let count = 0;
  const countFrom = performance.now() + seconds * 1_000;
  const endAt = countFrom + seconds * 1_000;
  await new Promise<void>((resolve, reject) => {
    call.on('error', reject);
    call.on('data', () => {
      const now = performance.now();
      if (now >= countFrom) count += 1;
      if (now < endAt) call.write(message);
      else resolve();
    });
    for (let i = 0; i < ECHO_IN_FLIGHT; i++) call.write(message);
  });
  call.removeAllListeners('error');
  call.on('error', () => undefined);
  call.cancel();
  client.close();
  server.stop();
  return count / seconds;
}
