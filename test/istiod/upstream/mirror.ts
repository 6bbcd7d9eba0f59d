import { fromBinary, toJson, type DescMessage, type JsonValue } from '@bufbuild/protobuf';
import { AuthorizationSchema } from '../../../runtime/proto/gen/istio/security/authorization_pb';
import { AddressSchema } from '../../../runtime/proto/gen/istio/workload/workload_pb';
import { AdsClient, ADDRESS, AUTHORIZATION } from '../reference-client';

const NODE = {
  id: 'ztunnel~10.244.0.2~ztunnel-1.istio-system~istio-system.svc.cluster.local',
  metadata: { NAME: 'ztunnel-1', NAMESPACE: 'istio-system', CLUSTER_ID: 'Kubernetes' },
};

/** Resources by name, as JSON. */
export type Resources = Readonly<Record<string, JsonValue>>;

/** What an istiod tells a ztunnel: the resources of each type, kept as its answers come. */
export class Mirror implements Disposable {
  private readonly held = new Map([ADDRESS, AUTHORIZATION].map((type) => [type, new Map<string, Uint8Array>()]));
  private readonly ads: AdsClient;

  constructor(port: number, roots: string, token: string) {
    this.ads = new AdsClient(port, roots, token);
    for (const typeUrl of this.held.keys()) this.ads.send({ typeUrl, node: NODE });
    void this.follow();
  }

  get addresses(): Resources {
    return asJson(AddressSchema, this.held.get(ADDRESS)!);
  }

  get authorizations(): Resources {
    return asJson(AuthorizationSchema, this.held.get(AUTHORIZATION)!);
  }

  private async follow(): Promise<void> {
    for (;;) {
      // A stream that fails ends the copy; the test then waits in vain and shows what is missing.
      const answer = await this.ads.next().catch(() => undefined);
      if (answer === undefined) return;
      this.ads.acknowledge(answer);
      const held = this.held.get(answer.typeUrl)!;
      for (const { name, body } of answer.resources) held.set(name, body);
      for (const name of answer.removed) held.delete(name);
    }
  }

  [Symbol.dispose](): void {
    this.ads.close();
  }
}

/** Resources in the order of their names, decoded by our own definitions. */
export function asJson(schema: DescMessage, resources: ReadonlyMap<string, Uint8Array>): Resources {
  return Object.fromEntries(
    [...resources]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, bytes]) => [name, toJson(schema, fromBinary(schema, bytes))]),
  );
}
