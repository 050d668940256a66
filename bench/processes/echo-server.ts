/** The other side of the echo ceiling: a raw grpc-js bidi stream that sends back what it gets. */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { echoMethod } from '../echo-method.ts';

const server = new Server();
server.addService(
  { echo: echoMethod },
  {
    echo: (call: {
      on(event: string, fn: (message: Buffer) => void): void;
      write(message: Buffer): void;
      end(): void;
    }) => {
      call.on('data', (message) => call.write(message));
      call.on('end', () => call.end());
    },
  },
);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.send?.({ port });
});
process.on('disconnect', () => process.exit(0));
