/** The tools of a mesh for hosts of the Model Context Protocol. */
export { Fleet } from './fleet.ts';
export { type HttpOptions, type McpHttpServer, serveHttp } from './http.ts';
export { runOverStdio, type StdioOptions } from './stdio.ts';
