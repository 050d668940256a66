/** Extracts from three sources at once, cleans and transforms in a row, makes three outputs at once. */
import { WorkflowBuilder } from 'yardmaster/client';
import { clean, extract, generate, notify, transform, update } from '../agents/typescript/capabilities.ts';

export const optimizedDataProcessing = new WorkflowBuilder('OptimizedDataProcessing')
  .description('Optimized data processing workflow')
  .timeout('5m')

  .parallel('extract-data', {
    name: 'Extract Data from Multiple Sources',
    steps: [
      {
        id: 'extract-db1',
        type: 'agent',
        name: 'Extract from Database 1',
        agentId: 'db-extractor',
        action: extract,
        parameters: { source: 'db1' },
        timeout: '1m',
      },
      {
        id: 'extract-db2',
        type: 'agent',
        name: 'Extract from Database 2',
        agentId: 'db-extractor',
        action: extract,
        parameters: { source: 'db2' },
        timeout: '1m',
      },
      {
        id: 'extract-api',
        type: 'agent',
        name: 'Extract from API',
        agentId: 'api-extractor',
        action: extract,
        timeout: '1m',
      },
    ],
  })

  .sequential('process-data', {
    name: 'Process Extracted Data',
    dependencies: ['extract-data'],
    steps: [
      {
        id: 'clean-data',
        type: 'agent',
        name: 'Clean Data',
        agentId: 'data-cleaner',
        action: clean,
        parameters: ({ steps }) => ({
          strikes: [steps['extract-db1'].output, steps['extract-db2'].output],
          airports: steps['extract-api'].output,
        }),
        timeout: '1m',
      },
      {
        id: 'transform-data',
        type: 'agent',
        name: 'Transform Data',
        agentId: 'data-transformer',
        action: transform,
        parameters: ({ steps }) => steps['clean-data'].output,
        // A second attempt does no harm: when its agent is lost, another one takes over at once.
        idempotent: true,
        timeout: '2m',
      },
    ],
  })

  .parallel('generate-outputs', {
    name: 'Generate Multiple Outputs',
    dependencies: ['process-data'],
    steps: [
      {
        id: 'generate-report',
        type: 'agent',
        name: 'Generate Report',
        agentId: 'report-generator',
        action: generate,
        parameters: ({ steps }) => steps['transform-data'].output,
        timeout: '1m',
      },
      {
        id: 'update-dashboard',
        type: 'agent',
        name: 'Update Dashboard',
        agentId: 'dashboard-updater',
        action: update,
        parameters: ({ steps }) => steps['transform-data'].output,
        timeout: '1m',
      },
      {
        id: 'send-notifications',
        type: 'agent',
        name: 'Send Notifications',
        agentId: 'notifier',
        action: notify,
        parameters: ({ steps }) => steps['transform-data'].output,
        timeout: '1m',
      },
    ],
  })

  .output(({ steps }) => ({
    report: steps['generate-report'].output.path,
    dashboard: steps['update-dashboard'].output.path,
    message: steps['send-notifications'].output.message,
  }))
  .build();
