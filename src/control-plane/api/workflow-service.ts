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
import type { AuditFacts, Caller, ControlPlane, RegisteredWorkflow } from '../runtime/control-plane.ts';
import { audited } from './audited.ts';
import { readCaller } from './caller.ts';
import { cutPage, readPage } from './convert/paging.ts';
import { writePlan } from './convert/plan.ts';
import { readRunWorkflow } from './convert/text.ts';
import { readDefinition, writeWorkflow } from './convert/workflow.ts';
import { toProblem } from './errors.ts';
import { NAMESPACE, readRequest } from './requests.ts';

export interface WorkflowServiceOptions {
  readonly controlPlane: Pick<
    ControlPlane,
    'registerWorkflow' | 'planWorkflow' | 'getWorkflow' | 'listWorkflows' | 'watchWorkflows' | 'noteRefusal'
  >;
}

export function createWorkflowService({ controlPlane }: WorkflowServiceOptions): ServiceImpl<typeof WorkflowService> {
  return {
    async registerWorkflow(request, context) {
      const { validateOnly } = request;
      const caller = readCaller(context);
      let name = '';
      const register = async () => {
        const { definition, warnings } = readSubmitted(request);
        name = definition.name;
        const asked = { namespace: NAMESPACE, definition, validateOnly, caller };
        return { warnings, registered: await controlPlane.registerWorkflow(asked) };
      };
      // A check asks for no change.
      const { warnings, registered } = validateOnly
        ? await register()
        : await audited(controlPlane, () => registerFacts(request, name, caller), register);
      return create(RegisterWorkflowResponseSchema, {
        workflow: writeWorkflow(registered),
        created: registered.created,
        warnings: [...warnings, ...registered.warnings].map(toProblem),
      });
    },

    // A plan asks for no change.
    async planWorkflow(request) {
      const { definition, warnings } = readSubmitted(request);
      const plan = await controlPlane.planWorkflow(NAMESPACE, definition);
      return writePlan({ ...plan, warnings: [...warnings, ...plan.warnings] });
    },

    async getWorkflow({ name, version }) {
      readRequest('get a workflow', (faults) => readRunWorkflow(faults, 'name', name));
      return { workflow: writeWorkflow(await controlPlane.getWorkflow(NAMESPACE, name, version)) };
    },

    async listWorkflows(request) {
      const { after, limit } = readRequest('list workflows', (faults) => readPage(faults, request));
      const found = await controlPlane.listWorkflows(NAMESPACE, after, limit + 1);
      const { items, nextPageToken } = cutPage(found, limit, ({ row }) => row.name);
      return { workflows: items.map(writeWorkflow), nextPageToken };
    },

    async *watchWorkflows(_, { signal }) {
      for await (const { workflows, isComplete } of controlPlane.watchWorkflows(NAMESPACE, signal)) {
        const portions = cutPortions(workflows);
        for (const [i, portion] of portions.entries()) {
          yield { workflows: portion.map(writeWorkflow), complete: isComplete && i === portions.length - 1 };
        }
      }
    },
  };
}

/** As many as fit into a message that every client accepts: a single definition is never too large for one. At least one portion. */
function cutPortions(workflows: readonly RegisteredWorkflow[]): readonly (readonly RegisteredWorkflow[])[] {
  const portions: RegisteredWorkflow[][] = [[]];
  let size = 0;
  for (const workflow of workflows) {
    size += workflow.row.definition.length;
    if (size > limits.definitionBytesMax && (portions.at(-1)?.length ?? 0) > 0) {
      portions.push([]);
      size = workflow.row.definition.length;
    }
    portions.at(-1)?.push(workflow);
  }
  return portions;
}

/** `name` is empty when the definition could not be read. */
function registerFacts(request: RegisterWorkflowRequest, name: string, caller: Caller): AuditFacts {
  const subject = { kind: 'WORKFLOW', subject: name === '' ? givenName(request) : name, workflow: name } as const;
  return { namespace: NAMESPACE, caller, action: 'workflow.register', ...subject };
}

/** What a definition that cannot be read is called: its name, or that of its file. */
function givenName({ definition }: RegisterWorkflowRequest): string {
  switch (definition.case) {
    case 'workflow':
      return definition.value.name;
    case 'source':
      return definition.value.file;
    case undefined:
      return '';
  }
}

function readSubmitted({ definition }: Pick<RegisterWorkflowRequest, 'definition'>): ReadWorkflow {
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
