import type { ServiceImpl } from '@connectrpc/connect';
import type { AuditService } from '../../gen/yardmaster/v1/audit_service_pb.ts';
import type { ControlPlane } from '../runtime/control-plane.ts';
import { readAuditQuery, writeAuditEntry } from './convert/audit.ts';
import { cutPage } from './convert/paging.ts';
import { NAMESPACE, readRequest } from './requests.ts';

export interface AuditServiceOptions {
  readonly controlPlane: Pick<ControlPlane, 'listAudit'>;
}

export function createAuditService({ controlPlane }: AuditServiceOptions): ServiceImpl<typeof AuditService> {
  return {
    async listAuditEntries(request) {
      const query = readRequest('list audit entries', (faults) => readAuditQuery(faults, NAMESPACE, request));
      const found = await controlPlane.listAudit({ ...query, limit: query.limit + 1 });
      const { items, nextPageToken } = cutPage(found, query.limit, ({ id }) => id);
      return { entries: items.map(writeAuditEntry), nextPageToken };
    },
  };
}
