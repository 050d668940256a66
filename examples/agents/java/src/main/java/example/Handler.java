package example;

import com.google.protobuf.Struct;

/** Does the work of one attempt, in a thread of its own; what it throws is how the attempt fails. */
interface Handler {
    Struct handle(Struct given, Attempt attempt) throws Exception;
}
