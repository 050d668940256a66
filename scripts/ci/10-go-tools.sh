#!/usr/bin/env bash
# grpcurl and grpc-health-probe, into $GOBIN: the suites talk to the port as strangers do.
set -euo pipefail
command -v grpcurl >/dev/null || go install github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4
command -v grpc-health-probe >/dev/null || go install github.com/grpc-ecosystem/grpc-health-probe@v0.4.61
grpcurl --version
grpc-health-probe -version
