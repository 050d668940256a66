/** The tools of a mesh for hosts of the Model Context Protocol. */
export { type HttpOptions, type McpHttpServer, serveOverHttp } from './http.ts';
export { onlyNames } from './only.ts';
export { ToolServers } from './server.ts';
export { serveOverStdio } from './stdio.ts';
