/** What this machine gives at best in this run: the figures that everything else is compared with. */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { echoMethod } from './echo-method.ts';
import { percentile } from './percentile.ts';
import { startProcess } from './start-process.ts';

const APPENDS = 500;
const ECHO_BYTES = 300;
const ECHO_IN_FLIGHT = 64;

export interface Ceilings {
  readonly fdatasyncP50Us: number;
  readonly echoPerSecond: number;
}

export async function measureCeilings(seconds: number): Promise<Ceilings> {
  return { fdatasyncP50Us: measureFdatasync(), echoPerSecond: await measureEcho(seconds) };
}

/** A 4 KiB append and its fdatasync, in the folder where the stores of this run stand. */
function measureFdatasync(): number {
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
  return percentile(times, 0.5);
}

async function measureEcho(seconds: number): Promise<number> {
  const server = await startProcess<{ port: number }>('echo-server.ts');
  const client = new Client(`127.0.0.1:${server.ready.port}`, credentials.createInsecure());
  const call = client.makeBidiStreamRequest(
    echoMethod.path,
    echoMethod.requestSerialize,
    echoMethod.responseDeserialize,
  );
  const message = Buffer.alloc(ECHO_BYTES, 1);
  let count = 0;
  await new Promise<void>((resolve, reject) => {
    const endAt = performance.now() + seconds * 1_000;
    call.on('error', reject);
    call.on('data', () => {
      count += 1;
      if (performance.now() < endAt) call.write(message);
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
