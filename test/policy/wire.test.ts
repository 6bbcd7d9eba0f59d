import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileForZtunnel } from '../../runtime/policy/compile-for-ztunnel';
import { dumpAuthorization } from '../../runtime/policy/dump';
import type { Authorization } from '../../runtime/policy/model';
import { fromWire, toWire } from '../../runtime/policy/wire';
import { AuthorizationSchema } from '../../runtime/proto/gen/istio/security/authorization_pb';
import { anyAuthorization, anyPolicy } from './arbitraries';
import { authorization, MESH } from './policies';

const overTheWire = (policy: Authorization) =>
  fromWire(fromBinary(AuthorizationSchema, toBinary(AuthorizationSchema, toWire(policy))));
const withoutSource = (policy: Authorization): Authorization => ({
  ...policy,
  rules: policy.rules.map(({ clauses }) => ({ clauses })),
});
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, each: unknown) => (each instanceof Uint8Array ? [...each] : each)));

describe('a policy on the wire', () => {
  test('comes back as it was', () => {
    fc.assert(
      fc.property(anyAuthorization, (policy) => {
        expect(plain(overTheWire(policy))).toEqual(plain({ authorization: policy }));
      }),
    );
  });

  test('comes back as it was compiled', () => {
    fc.assert(
      fc.property(anyPolicy, (written) => {
        const outcome = compileForZtunnel(written, MESH);
        if (outcome.kind !== 'sent') throw new Error('not sent');
        expect(plain(overTheWire(outcome.authorization))).toEqual(
          plain({ authorization: withoutSource(outcome.authorization) }),
        );
      }),
    );
  });

  test.each([
    [{ scope: 7 }, 'unknown enum: Scope 7'],
    [{ action: 9 }, 'unknown enum: Action 9'],
  ])('%j rejects the resource', (fields, rejected) => {
    expect(fromWire(create(AuthorizationSchema, { name: 'p', ...fields }))).toEqual({ rejected });
  });

  test('loses unreadable values in silence, as ztunnel does', () => {
    const address = Uint8Array.of(10, 0, 0, 1);
    const message = create(AuthorizationSchema, {
      rules: [
        {
          clauses: [
            {
              matches: [
                {
                  sourceIps: [
                    { address: Uint8Array.of(1, 2, 3), length: 8 },
                    { address, length: 33 },
                    { address, length: 256 + 8 },
                  ],
                  namespaces: [{ matchType: { case: undefined } }],
                  destinationPorts: [65536 + 80],
                },
              ],
            },
          ],
        },
      ],
    });
    const read = fromWire(message);
    expect('authorization' in read && read.authorization.rules[0]?.clauses[0]?.matches[0]).toEqual({
      sourceIps: [{ address, length: 8 }],
      destinationPorts: [80],
    });
  });
});

describe('a dumped policy', () => {
  test('has the spelling that istioctl reads', () => {
    const policy = authorization(
      'DENY',
      [
        [
          [
            {
              principals: [{ exact: 'td/ns/x/sa/y' }, { prefix: 'td/' }, { suffix: '/y' }],
              notPrincipals: [{ presence: true }],
              serviceAccounts: [{ namespace: 'x', serviceAccount: 'y' }],
              sourceIps: [{ address: Uint8Array.of(10, 0, 0, 0), length: 8 }],
              destinationIps: [{ address: Uint8Array.from([0xfd, ...new Array<number>(14).fill(0), 1]), length: 128 }],
              destinationPorts: [80],
              notDestinationPorts: [],
            },
          ],
          [{}],
        ],
      ],
      { scope: 'WORKLOAD_SELECTOR' },
    );
    expect(dumpAuthorization(policy)).toEqual({
      name: 'deny',
      namespace: 'shop',
      scope: 'WorkloadSelector',
      action: 'Deny',
      rules: [
        [
          [
            {
              principals: [{ Exact: 'td/ns/x/sa/y' }, { Prefix: 'td/' }, { Suffix: '/y' }],
              notPrincipals: [{ Presence: [] }],
              serviceAccounts: [{ namespace: 'x', serviceAccount: 'y' }],
              sourceIps: ['10.0.0.0/8'],
              destinationIps: ['fd00::1/128'],
              destinationPorts: [80],
            },
          ],
          [{}],
        ],
      ],
      dryRun: false,
    });
  });
});
