/**
 * What every call on grpc-js needs before its handler sees it. It works on the call object itself, because a wrapping
 * interceptor would cost on every message and cannot reach statuses that grpc-js makes on its own.
 */
import { type ServerInterceptingCall, type ServerInterceptor, status } from '@grpc/grpc-js';
import { deadlineOf } from './deadline.ts';
import { tidyText } from './grpc-status.ts';
import { checkMessages } from './request-check.ts';

type InterceptedCall = Parameters<ServerInterceptor>[1];

/** `timelessPath`: the method whose deadline is ignored, because its calls live as long as an agent. */
export function createCallGuard(timelessPath: string): ServerInterceptor {
  return (method, call) => {
    if (method.path === timelessPath || deadlineOf(call) === undefined) clearDeadline(call);
    checkMessages(call);
    const sendStatus = call.sendStatus.bind(call);
    // An OK has no text; grpc-js would send "OK".
    call.sendStatus = (sent) =>
      sendStatus({ ...sent, details: sent.code === status.OK ? '' : tidyText(sent.details ?? '') });
    // The type asks for the class; grpc-js itself passes the base call on, which has the same face.
    return call as ServerInterceptingCall;
  };
}

/** The timer is armed before interceptors run and has no public face. */
function clearDeadline(call: InterceptedCall): void {
  const timer: unknown = Reflect.get(call, 'deadlineTimer');
  if (timer instanceof Object) clearTimeout(timer as NodeJS.Timeout);
}
