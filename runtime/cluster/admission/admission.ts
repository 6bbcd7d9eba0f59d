import { KIND } from '../../api/kinds';
import type { Pod, Service } from '../../api/resources';
import { resourceKey } from '../store/metadata';
import { sameJson } from '../../api/json';
import { forbidden, invalid, notFound } from '../store/status-error';
import type { Admission, Store } from '../store/store';
import { setDefaults } from './defaults';
import { objectCauses } from './object-causes';
import { allocateServiceAddress } from './service-address';

/** Objects live in namespaces that exist and are not about to go. */
const namespaceExists: Admission = (kind, draft, previous, store) => {
  const { namespace } = draft.metadata;
  if (!kind.namespaced || namespace === undefined || previous !== undefined) return;
  const found = store.latest(KIND.Namespace, undefined, namespace);
  if (found === undefined) throw notFound(KIND.Namespace, namespace);
  if (found.metadata.deletionTimestamp === undefined) return;
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  throw forbidden(kind, draft.metadata.name, why);
};

const defaults: Admission = (kind, draft) => setDefaults(kind, draft);

const accountExists: Admission = (kind, draft, previous, store) => {
  if (resourceKey(kind) !== '/pods' || previous !== undefined) return;
  const { namespace, name } = draft.metadata;
  const account = (draft as Pod).spec?.serviceAccountName ?? 'default';
  if (store.latest(KIND.ServiceAccount, namespace, account) !== undefined) return;
  const why = `error looking up service account ${namespace}/${account}: serviceaccount "${account}" not found`;
  throw forbidden(kind, name, why);
};

const addresses: Admission = (kind, draft, previous, store) => {
  if (resourceKey(kind) !== '/services') return;
  allocateServiceAddress(draft as Service, previous as Service | undefined, store);
};

/** A change of status or bookkeeping alone was validated when it was written. */
const validity: Admission = (kind, draft, previous) => {
  if (previous !== undefined) {
    const spec = (object: object): unknown => ({ ...object, status: undefined, metadata: undefined });
    const { labels, annotations } = draft.metadata;
    const same = sameJson(
      { labels, annotations },
      {
        labels: previous.metadata.labels,
        annotations: previous.metadata.annotations,
      },
    );
    if (same && sameJson(spec(draft), spec(previous))) return;
  }
  const causes = objectCauses(kind, draft, previous);
  if (causes.length > 0) throw invalid(kind, draft.metadata.name ?? '', causes);
};

/** Makes a store check and complete what is written to it as a Kubernetes API server does. */
export function addAdmission(store: Store): void {
  for (const admission of [namespaceExists, defaults, accountExists, addresses, validity]) store.admit(admission);
}
