#!/usr/bin/env bash
# Tools that talk to the port as strangers do, into $GOBIN: grpcurl, grpc-health-probe, the conformance runner of Connect, ghz.
set -euo pipefail

install() { # install COMMAND PACKAGE@VERSION
  command -v "$1" >/dev/null || go install "$2"
}

install grpcurl github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4
install grpc-health-probe github.com/grpc-ecosystem/grpc-health-probe@v0.4.61
install connectconformance connectrpc.com/conformance/cmd/connectconformance@v1.0.7
install ghz github.com/bojand/ghz/cmd/ghz@v0.120.0
grpcurl --version
grpc-health-probe -version
connectconformance --version
ghz --version
