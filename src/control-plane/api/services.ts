/** The services of this API over one control plane. AgentService is a stream and stands in agent-service.ts. */
import type { DescService } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import type { Clock } from '../../core/clock.ts';
import { AuditService } from '../../gen/yardmaster/v1/audit_service_pb.ts';
import { BlobService } from '../../gen/yardmaster/v1/blob_service_pb.ts';
import { FleetService } from '../../gen/yardmaster/v1/fleet_service_pb.ts';
import { MeshService } from '../../gen/yardmaster/v1/mesh_service_pb.ts';
import { RunService } from '../../gen/yardmaster/v1/run_service_pb.ts';
import { ScheduleService } from '../../gen/yardmaster/v1/schedule_service_pb.ts';
import { WorkflowService } from '../../gen/yardmaster/v1/workflow_service_pb.ts';
import type { ControlPlane } from '../runtime/control-plane.ts';
import { createAuditService } from './audit-service.ts';
import { createBlobService } from './blob-service.ts';
import { createFleetService } from './fleet-service.ts';
import { createMeshService } from './mesh-service.ts';
import { createRunService } from './run-service.ts';
import { createScheduleService } from './schedule-service.ts';
import { createWorkflowService } from './workflow-service.ts';

export interface ApiOptions {
  readonly controlPlane: ControlPlane;
  readonly clock: Clock;
}

/** Calls `mount` once for each service. */
export function mountServices(
  options: ApiOptions,
  mount: <D extends DescService>(service: D, impl: ServiceImpl<D>) => void,
): void {
  mount(WorkflowService, createWorkflowService(options));
  mount(RunService, createRunService(options));
  mount(FleetService, createFleetService(options));
  mount(BlobService, createBlobService(options));
  mount(MeshService, createMeshService(options));
  mount(ScheduleService, createScheduleService(options));
  mount(AuditService, createAuditService(options));
}
