/** The control plane as a library: the same server that `yardmaster serve` runs. */
export { bindServices, type Server, type ServerOptions, startServer } from './main.ts';
export type { RunningControlPlane } from './runtime/assembly.ts';
