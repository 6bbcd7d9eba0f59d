/** A rule is being written; stands only while one is. */
export const PLANNED = 'Not yet.';

/** Why no rule tells what a code of Kiali or istioctl tells. A code that neither a rule has as an alias nor this table explains fails the test. */
export const NOT_COVERED: Readonly<Record<string, string>> = {
  KIA0105:
    'Pods of an ambient mesh always use mTLS among themselves, so their identities are known. AMB5003 tells of DISABLE.',
  KIA0107: 'Looks for the service account in other clusters; the analysis, as the mesh, has one.',
  KIA0401:
    'No DestinationRule is needed for mTLS: sidecars find out by themselves (since Istio 1.5), and ztunnel reads none (AMB2031).',
  KIA0501:
    'No DestinationRule is needed for mTLS: sidecars find out by themselves (since Istio 1.5), and ztunnel reads none (AMB2031).',
  IST0001: 'A failure of istioctl itself, and nothing about a mesh.',
  IST0136: 'istioctl tells it only when asked for that analyzer: of the alpha annotations almost all are in daily use.',
  IST0141:
    '`istioctl x precheck` tells whether the user of the kubeconfig may install Istio. The engines report what they may not do when they install.',
  IST0142: '`istioctl x precheck` compares the version of the API server. The engines do so when they install.',
  IST0143:
    'Only a look into the running pods tells on which address a process listens; istioctl has the message but no longer sends it.',
  IST0156:
    '`istioctl x precheck` asks the cluster for its Gateway API version; the bundled engines install theirs. In files, see IST0176.',
  IST0158:
    'Compares the images of running sidecars with those that the injector would take; ambient mode has no sidecars.',
  IST0168:
    'About an upgrade of istiod between two versions, of which the analysis knows one; istioctl no longer sends it.',
  IST0169:
    '`istioctl x precheck --from-version` reads the environment and the pods of the installed version before an upgrade.',
  IST0170: 'Compares the same Service in several clusters; the analysis, as the mesh, has one.',
  IST0172: 'As IST0156.',
};
