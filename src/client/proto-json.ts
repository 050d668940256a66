/** Messages of the public API as JSON: the proto's own form, with its defaults written out. */
import { createRegistry, type DescFile, type Message, toJson } from '@bufbuild/protobuf';
import type { JsonValue } from '../core/json.ts';
import { file_yardmaster_v1_audit_service } from '../gen/yardmaster/v1/audit_service_pb.ts';
import { file_yardmaster_v1_fleet_service } from '../gen/yardmaster/v1/fleet_service_pb.ts';
import { file_yardmaster_v1_run_service } from '../gen/yardmaster/v1/run_service_pb.ts';
import { file_yardmaster_v1_workflow_service } from '../gen/yardmaster/v1/workflow_service_pb.ts';

const registry = createRegistry(
  ...withImports([
    file_yardmaster_v1_audit_service,
    file_yardmaster_v1_fleet_service,
    file_yardmaster_v1_run_service,
    file_yardmaster_v1_workflow_service,
  ]),
);

function withImports(files: readonly DescFile[], all = new Set<DescFile>()): ReadonlySet<DescFile> {
  for (const file of files) {
    if (all.has(file)) continue;
    all.add(file);
    withImports(file.dependencies, all);
  }
  return all;
}

/** Throws for a message that is no part of the public API. */
export function protoJson(message: Message): JsonValue {
  const schema = registry.getMessage(message.$typeName);
  if (schema === undefined) throw new TypeError(`${message.$typeName} is no part of the public API`);
  return toJson(schema, message, { registry, alwaysEmitImplicit: true });
}
