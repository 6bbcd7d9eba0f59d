import { fix, replaceScalar } from '../edit';
import { VIRTUAL_SERVICE, type VirtualService } from '../istio-objects';
import { rule } from '../rule';

export const gatewayNameForm = rule<VirtualService>({
  code: 'AMB6023',
  severity: 'info',
  title: 'A VirtualService names its gateway in the old form',
  why: 'A gateway of another namespace is written <namespace>/<name>. The form of a host name (<name>.<namespace>.svc.cluster.local) is still understood and outdated.',
  aliases: ['KIA1108'],
  scope: 'document',
  kinds: [VIRTUAL_SERVICE],
  check({ document, report }) {
    for (const [index, gateway] of (document.value.spec?.gateways ?? []).entries()) {
      const [, name, namespace] = /^([^./]+)\.([^./]+)(?:\.svc(?:\..+)?)?$/.exec(gateway) ?? [];
      if (name === undefined) continue;
      const path = ['spec', 'gateways', index];
      report(path, `Gateways are written ${namespace}/${name} by now.`, {
        fixes: [fix(`Write ${namespace}/${name}`, true, replaceScalar(document, path, `${namespace}/${name}`))],
      });
    }
  },
});
