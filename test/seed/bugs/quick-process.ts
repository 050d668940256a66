/** A whole process: an orchestrator, an agent, a run whose timeouts are an hour long. It has to end by itself. */
import { Orchestrator, WorkflowBuilder } from 'yardmaster';

const orchestrator = new Orchestrator();
await orchestrator.registerAgent({ id: 'worker', handlers: { a: () => 1 } });
const workflow = new WorkflowBuilder('Quick').timeout('1h').step('a', { action: 'a', timeout: '1h' }).build();
await orchestrator.registerWorkflow(workflow);
console.log((await orchestrator.executeWorkflow('Quick')).status);
await orchestrator.close();
