import { targetsOf } from '../../policy/attachment';
import { absence } from '../absence';
import { TELEMETRY, WASM_PLUGIN, type Targeting } from '../istio-objects';
import { rule } from '../rule';
import { AUTHORIZATION_POLICY } from './ztunnel-policy';
import { corrections } from '../correct';

const KINDS = new Set(['/Service', 'gateway.networking.k8s.io/Gateway', 'networking.istio.io/ServiceEntry']);

export const targetNotFound = rule<Targeting>({
  code: 'AMB3001',
  severity: 'hint',
  title: 'A policy targets a Service or Gateway that is not there',
  why: "targetRefs name objects of the policy's own namespace. A target that stands in no analysed file gives a hint, since the cluster may have it; one that stands in another namespace only gives a warning, since the policy cannot reach it there. Until the target exists, nobody enforces the policy (TargetNotFound).",
  aliases: ['IST0101', 'IST0171'],
  scope: 'workspace',
  kinds: [AUTHORIZATION_POLICY, 'security.istio.io/RequestAuthentication', TELEMETRY, WASM_PLUGIN],
  check({ document, mesh, report }) {
    const { namespace } = document;
    const many = document.value.spec?.targetRefs?.length;
    for (const [index, { group = '', kind, name }] of targetsOf(document.value).entries()) {
      const groupKind = `${group === 'core' ? '' : group}/${kind}`;
      if (!KINDS.has(groupKind) || mesh.named(groupKind, namespace, name)) continue;
      const path = many ? ['spec', 'targetRefs', index, 'name'] : ['spec', 'targetRef', 'name'];
      const elsewhere = mesh.ofKind(groupKind).find((other) => other.name === name);
      if (elsewhere) {
        report(
          path,
          `${kind} ${name} is in namespace ${elsewhere.namespace}; a policy of namespace ${namespace} cannot target it.`,
          { severity: 'warning' },
        );
      } else {
        const { nobodyHas, severity } = absence(mesh, groupKind);
        report(path, `${nobodyHas} the ${kind} ${namespace}/${name}; until it exists, nobody enforces this policy.`, {
          severity,
          fixes: corrections(
            document,
            path,
            name,
            mesh.inNamespace(groupKind, namespace).map((other) => other.name),
          ),
        });
      }
    }
  },
});
