import { fromBinary, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import {
  Server,
  type ServerCredentials,
  status,
  type MethodDefinition,
  type sendUnaryData,
  type ServerUnaryCall,
} from '@grpc/grpc-js';
import { reasonOf } from '../errors';
import { writeChunksOneByOne } from '../hbone/http2-writes';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from '../proto/gen/envoy/service/discovery/v3/discovery_pb';
import {
  IstioCertificateRequestSchema,
  IstioCertificateResponseSchema,
  type IstioCertificateRequest,
  type IstioCertificateResponse,
} from '../proto/gen/istio/ca/ca_pb';
import { log } from '../telemetry/log';
import { Refusal } from './auth/authenticator';
import type { CertificateService } from './ca/certificate-service';
import type { AdsServer } from './xds/ads-server';
import type { DeltaCall } from './xds/delta-stream';

const logger = log('grpc');

/** A proxy that reconnects names every resource that it has; that may be far more than gRPC's default of 4 MiB. */
const MAX_REQUEST_BYTES = 64 * 1024 * 1024;

function method<I extends DescMessage, O extends DescMessage>(
  path: string,
  input: I,
  output: O,
  streaming: boolean,
): MethodDefinition<MessageShape<I>, MessageShape<O>> {
  return {
    path,
    requestStream: streaming,
    responseStream: streaming,
    requestSerialize: (message) => Buffer.from(toBinary(input, message)),
    requestDeserialize: (bytes) => fromBinary(input, bytes),
    responseSerialize: (message) => Buffer.from(toBinary(output, message)),
    responseDeserialize: (bytes) => fromBinary(output, bytes),
  };
}

const DISCOVERY = {
  DeltaAggregatedResources: method(
    '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
    DeltaDiscoveryRequestSchema,
    DeltaDiscoveryResponseSchema,
    true,
  ),
};

const CERTIFICATES = {
  CreateCertificate: method(
    '/istio.v1.auth.IstioCertificateService/CreateCertificate',
    IstioCertificateRequestSchema,
    IstioCertificateResponseSchema,
    false,
  ),
};

type CertificateCall = ServerUnaryCall<IstioCertificateRequest, IstioCertificateResponse>;

/** The gRPC server of xDS and certificates; it listens nowhere yet. */
export function grpcServer(ads: AdsServer, certificates: CertificateService): Server {
  writeChunksOneByOne();
  const server = new Server({
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.max_receive_message_length': MAX_REQUEST_BYTES,
  });
  server.addService(DISCOVERY, { DeltaAggregatedResources: (call: DeltaCall) => void ads.serve(call) });
  server.addService(CERTIFICATES, {
    CreateCertificate(call: CertificateCall, answer: sendUnaryData<IstioCertificateResponse>) {
      certificates.createCertificate(call.request, call.metadata).then(
        (certChain) => answer(null, { $typeName: IstioCertificateResponseSchema.typeName, certChain }),
        (error: unknown) => {
          if (error instanceof Refusal) return answer({ code: error.code, details: error.details });
          logger.error('certificate request failed', { error: reasonOf(error) });
          answer({ code: status.INTERNAL, details: 'internal error' });
        },
      );
    },
  });
  return server;
}

/** Binds a server and returns its port. */
export function bind(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => (error ? reject(error) : resolve(port)));
  });
}
