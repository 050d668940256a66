/** A control plane that can be killed and started again on the same file and port. Arguments: file, port. */
import { startServer } from '../../../src/control-plane/main.ts';

const [file = '', port = '0'] = process.argv.slice(2);
const server = await startServer({ port: Number(port), store: { kind: 'sqlite', file } });
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => void server.stop().then(() => process.exit(0)));
process.send?.({ url: server.url, port: server.port, recovered: server.controlPlane.recovered });
