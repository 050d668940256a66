/** What an agent author imports. */
export { type Capability, type CapabilityOptions, capability } from '../core/capability.ts';
export { isYardmasterError, YardmasterError } from '../core/errors.ts';
export { Agent, type AgentOptions, type Handler, type StartOptions } from './agent.ts';
export type { AgentLogger } from './agent-log.ts';
export { type CallFacts, CallFailed } from './call-failed.ts';
export type { Invoke, InvokeOptions } from './calls.ts';
export type { AttemptInfo, HandlerContext, LogFields } from './context.ts';
export type {
  BlobLink,
  BlobUpload,
  CallAnswer,
  CallLink,
  CallOrder,
  CallProgress,
  LinkEvents,
  LinkFactory,
  LinkStatus,
  SessionLink,
} from './link.ts';
export type { BlobReference, StopCause } from './news.ts';
export type { HandlerOptions } from './offered-capability.ts';
export type { SessionPhase } from './session-phase.ts';
export { AttemptStopped, HandBack, StepError, type StepErrorOptions } from './step-error.ts';
