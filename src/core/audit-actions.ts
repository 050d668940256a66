/** What the audit log has entries of. Another action needs a word here and nothing in the store. */
export const auditActions = [
  'workflow.register',
  'run.start',
  'run.cancel',
  'run.pause',
  'run.resume',
  'run.retry',
  'run.rerun',
  'schedule.put',
  'schedule.delete',
  'schedule.pause',
  'schedule.resume',
  'schedule.trigger',
  'run.signal',
  'agent.drain',
  'agent.cordon',
  'agent.uncordon',
  'agent.disconnect',
  'agent.label',
] as const;
export type AuditAction = (typeof auditActions)[number];
