/** The services of the public API, one Connect client each, over one Transport. */
import { type Client, createClient, type Transport } from '@connectrpc/connect';
import { AuditService } from '../gen/yardmaster/v1/audit_service_pb.ts';
import { BlobService } from '../gen/yardmaster/v1/blob_service_pb.ts';
import { FleetService } from '../gen/yardmaster/v1/fleet_service_pb.ts';
import { RunService } from '../gen/yardmaster/v1/run_service_pb.ts';
import { ScheduleService } from '../gen/yardmaster/v1/schedule_service_pb.ts';
import { WorkflowService } from '../gen/yardmaster/v1/workflow_service_pb.ts';

export interface MeshApi {
  readonly workflows: Client<typeof WorkflowService>;
  readonly runs: Client<typeof RunService>;
  readonly schedules: Client<typeof ScheduleService>;
  readonly fleet: Client<typeof FleetService>;
  readonly blobs: Client<typeof BlobService>;
  readonly audit: Client<typeof AuditService>;
}

export function createMeshApi(transport: Transport): MeshApi {
  return {
    workflows: createClient(WorkflowService, transport),
    runs: createClient(RunService, transport),
    schedules: createClient(ScheduleService, transport),
    fleet: createClient(FleetService, transport),
    blobs: createClient(BlobService, transport),
    audit: createClient(AuditService, transport),
  };
}
