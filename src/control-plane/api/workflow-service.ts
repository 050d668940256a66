import { create } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { YardmasterError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import type { WorkflowService } from '../../gen/yardmaster/v1/workflow_service_pb.ts';
import {
  type RegisterWorkflowRequest,
  RegisterWorkflowResponseSchema,
} from '../../gen/yardmaster/v1/workflow_service_pb.ts';
import { type ReadWorkflow, readWorkflow } from '../../workflow/index.ts';
import type { ControlPlane } from '../runtime/control-plane.ts';
import { cutPage, readPage } from './convert/paging.ts';
import { readName } from './convert/text.ts';
import { readDefinition, writeWorkflow } from './convert/workflow.ts';
import { toProblem } from './errors.ts';
import { NAMESPACE, readRequest } from './requests.ts';

export interface WorkflowServiceOptions {
  readonly controlPlane: Pick<ControlPlane, 'registerWorkflow' | 'getWorkflow' | 'listWorkflows'>;
}

export function createWorkflowService({ controlPlane }: WorkflowServiceOptions): ServiceImpl<typeof WorkflowService> {
  return {
    async registerWorkflow(request) {
      const { definition, warnings } = readSubmitted(request);
      const { validateOnly } = request;
      const registered = await controlPlane.registerWorkflow({ namespace: NAMESPACE, definition, validateOnly });
      return create(RegisterWorkflowResponseSchema, {
        workflow: writeWorkflow(registered),
        created: registered.created,
        warnings: [...warnings, ...registered.warnings].map(toProblem),
      });
    },

    async getWorkflow({ name, version }) {
      readRequest('get a workflow', (faults) => readName(faults, 'name', name));
      return { workflow: writeWorkflow(await controlPlane.getWorkflow(NAMESPACE, name, version)) };
    },

    async listWorkflows(request) {
      const { after, limit } = readRequest('list workflows', (faults) => readPage(faults, request));
      const found = await controlPlane.listWorkflows(NAMESPACE, after, limit + 1);
      const { items, nextPageToken } = cutPage(found, limit, ({ row }) => row.name);
      return { workflows: items.map(writeWorkflow), nextPageToken };
    },
  };
}

function readSubmitted({ definition }: RegisterWorkflowRequest): ReadWorkflow {
  switch (definition.case) {
    case 'workflow': {
      const wire = definition.value;
      return { definition: readRequest('read the workflow', (faults) => readDefinition(faults, wire)), warnings: [] };
    }
    case 'source': {
      const { text, file } = definition.value;
      if (Buffer.byteLength(text) > limits.definitionBytesMax) throw tooLarge(Buffer.byteLength(text));
      const format = file.endsWith('.json') ? 'json' : 'yaml';
      return readWorkflow({ text, format, ...(file !== '' && { file }) });
    }
    case undefined:
      throw new YardmasterError('INVALID_ARGUMENT', 'Cannot register a workflow: "definition" is not set', {
        next: 'set workflow or source',
      });
  }
}

function tooLarge(bytes: number): YardmasterError {
  const fact = `it has ${bytes} bytes; at most ${limits.definitionBytesMax} are allowed`;
  return new YardmasterError('INVALID_ARGUMENT', `Cannot register a workflow: "source.text": ${fact}`);
}
