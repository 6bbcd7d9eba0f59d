import { expect, test } from 'vitest';
import { blockedDirections, type NetworkPolicy } from '../../runtime/doctor/hbone-policy';

test.each<[string, NetworkPolicy['spec'], string[]]>([
  ['deny all', { policyTypes: ['Ingress', 'Egress'] }, ['ingress', 'egress']],
  ['default types', { ingress: [{ ports: [{ port: 8080 }] }] }, ['ingress']],
  ['a rule without ports', { ingress: [{}] }, []],
  ['the port itself', { ingress: [{ ports: [{ port: 8080 }] }, { ports: [{ port: 15008 }] }] }, []],
  ['a range', { ingress: [{ ports: [{ port: 15000, endPort: 15100 }] }] }, []],
  ['the port over UDP', { ingress: [{ ports: [{ port: 15008, protocol: 'UDP' }] }] }, ['ingress']],
  ['a named port', { ingress: [{ ports: [{ port: 'http' }] }] }, ['ingress']],
  [
    'egress for DNS alone',
    { policyTypes: ['Egress'], egress: [{ ports: [{ port: 53, protocol: 'UDP' }] }] },
    ['egress'],
  ],
  ['egress by its rules', { ingress: [{}], egress: [{ ports: [{ port: 443 }] }] }, ['egress']],
])('%s', (_name, spec, expected) => expect(blockedDirections({ metadata: { name: 'p' }, spec })).toEqual(expected));
