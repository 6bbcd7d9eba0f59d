import fc from 'fast-check';
import type { AuthorizationPolicy } from '../../runtime/api/resources';
import { parseAddress } from '../../runtime/policy/address';
import type { Authorization, Cidr, ConnectionFacts, Match, StringMatch } from '../../runtime/policy/model';

// Few distinct values, so that policies and facts often meet.
const name = fc.constantFrom('a', 'b', 'web');
const address = fc.constantFrom('10.0.0.1', '10.0.0.2', 'fd00::1');
const port = fc.constantFrom(80, 443, 8080);

const stringMatch: fc.Arbitrary<StringMatch> = fc.oneof(
  fc.record({ exact: name }),
  fc.record({ prefix: name }),
  fc.record({ suffix: name }),
  fc.constant({ presence: true } as const),
);
const cidr: fc.Arbitrary<Cidr> = address.chain((text) => {
  const bytes = parseAddress(text)!;
  return fc.integer({ min: 0, max: bytes.length * 8 }).map((length) => ({ address: bytes, length }));
});
const account = fc.record({ namespace: name, serviceAccount: name });
const some = <T>(each: fc.Arbitrary<T>) => fc.array(each, { minLength: 1, maxLength: 2 });

const match: fc.Arbitrary<Match> = fc.record(
  {
    namespaces: some(stringMatch),
    notNamespaces: some(stringMatch),
    serviceAccounts: some(account),
    notServiceAccounts: some(account),
    principals: some(stringMatch),
    notPrincipals: some(stringMatch),
    sourceIps: some(cidr),
    notSourceIps: some(cidr),
    destinationIps: some(cidr),
    notDestinationIps: some(cidr),
    destinationPorts: some(port),
    notDestinationPorts: some(port),
  },
  { requiredKeys: [] },
);

export const anyAuthorization: fc.Arbitrary<Authorization> = fc.record({
  name,
  namespace: name,
  scope: fc.constantFrom('GLOBAL', 'NAMESPACE', 'WORKLOAD_SELECTOR'),
  action: fc.constantFrom('ALLOW', 'DENY'),
  rules: fc.array(
    fc.record({ clauses: fc.array(fc.record({ matches: fc.array(match, { maxLength: 2 }) }), { maxLength: 2 }) }),
    { maxLength: 2 },
  ),
  dryRun: fc.boolean(),
});

export const anyFacts: fc.Arbitrary<ConnectionFacts> = fc.record({
  identity: fc.option(
    fc.tuple(name, name).map(([ns, sa]) => `spiffe://cluster.local/ns/${ns}/sa/${sa}`),
    { nil: undefined },
  ),
  sourceIp: address,
  destinationIp: address,
  destinationPort: port,
});

const texts = fc.array(
  fc.constantFrom('*', 'a', 'b*', '*web', '10.0.0.1', '10.0.0.0/8', 'fd00::/8', '80', 'GET', '/x'),
  {
    maxLength: 2,
  },
);
const fields = (...names: string[]) =>
  fc.record(
    Object.fromEntries(
      names.flatMap((each) => [each, `not${each[0]!.toUpperCase()}${each.slice(1)}`]).map((each) => [each, texts]),
    ),
    {
      requiredKeys: [],
    },
  );

/** Policies as people write them, L7 attributes and unreadable values included. */
export const anyPolicy: fc.Arbitrary<AuthorizationPolicy> = fc.record({
  metadata: fc.record({ name, namespace: fc.constantFrom('a', 'istio-system') }),
  spec: fc.record(
    {
      action: fc.constantFrom('ALLOW', 'DENY'),
      selector: fc.constant({ matchLabels: { app: 'a' } }),
      rules: fc.array(
        fc.record(
          {
            from: fc.array(
              fc.record({
                source: fields(
                  'principals',
                  'namespaces',
                  'serviceAccounts',
                  'ipBlocks',
                  'remoteIpBlocks',
                  'requestPrincipals',
                ),
              }),
              { maxLength: 2 },
            ),
            to: fc.array(fc.record({ operation: fields('ports', 'hosts', 'methods', 'paths') }), { maxLength: 2 }),
            when: fc.array(
              fc.record({
                key: fc.constantFrom('source.ip', 'source.namespace', 'destination.port', 'request.headers[x]'),
                values: texts,
                notValues: texts,
              }),
              { maxLength: 2 },
            ),
          },
          { requiredKeys: [] },
        ),
        { maxLength: 3 },
      ),
    },
    { requiredKeys: [] },
  ),
}) as fc.Arbitrary<AuthorizationPolicy>;
