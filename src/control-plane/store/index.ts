export { createMemoryData, type MemoryData } from './memory/memory-data.ts';
export {
  createMemoryStore,
  type MemoryStore,
  type MemoryStoreOptions,
  type StoreFaults,
} from './memory/memory-store.ts';
export * from './port.ts';
export { openSqliteStore, type SqliteStoreOptions } from './sqlite/sqlite-store.ts';
