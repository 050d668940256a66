const same = (bytes: Buffer): Buffer => bytes;

/** A bidi method of bytes: grpc-js with nothing of ours in it. */
export const echoMethod = {
  path: '/bench.Echo/Echo',
  requestStream: true,
  responseStream: true,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
} as const;
