import { KIND } from '../../api/kinds';
import type { KubeObject } from '../../api/resources';
import { isAllowed, refusalOf, rulesFor, type Attributes } from '../auth/authorize';
import { API_AUDIENCES } from '../auth/tokens';
import type { User } from '../auth/user';
import { isObject } from '../../api/json';
import { badRequest, conflict, invalid, notFound } from '../store/status-error';
import { timestamp } from '../store/deletion';
import { readIncoming } from './incoming';
import type { ResourceCall } from './context';
import { readObject, sendJson } from './respond';

type Spec = Record<string, unknown>;

async function reviewBody(call: ResourceCall): Promise<{ body: Record<string, unknown>; spec: Spec }> {
  const body = await readObject(call.request);
  const object = { metadata: {}, ...body } as unknown as KubeObject & Record<string, unknown>;
  const admitted = readIncoming(call, object);
  return { body: admitted, spec: isObject(admitted['spec']) ? admitted['spec'] : {} };
}

function userStatus({ username, uid, groups, extra }: User): object {
  return { username, ...(uid && { uid }), groups, ...(extra && { extra }) };
}

function accessStatus(call: ResourceCall, user: User, spec: Spec): object {
  const resource = spec['resourceAttributes'] as Record<string, string> | undefined;
  const path = spec['nonResourceAttributes'] as { path?: string; verb?: string } | undefined;
  if (resource === undefined && path === undefined) {
    throw badRequest('exactly one of nonResourceAttributes or resourceAttributes must be specified');
  }
  const what: Attributes =
    resource === undefined
      ? { verb: path?.verb ?? '', path: path?.path ?? '' }
      : {
          verb: resource['verb'] ?? '',
          group: resource['group'],
          resource: resource['resource'],
          subresource: resource['subresource'],
          namespace: resource['namespace'],
          name: resource['name'],
        };
  const allowed = isAllowed(call.api.store, user, what);
  return allowed ? { allowed } : { allowed, reason: refusalOf(user, what) };
}

const otherUser = (spec: Spec): User => ({
  username: String(spec['user'] ?? ''),
  uid: spec['uid'] as string | undefined,
  groups: (spec['groups'] as string[] | undefined) ?? [],
  extra: spec['extra'] as User['extra'],
});

/** Answers a TokenReview, a SubjectAccessReview or one of their relatives; nothing is stored. */
export async function answerReview(call: ResourceCall): Promise<void> {
  const { api, kind, user } = call;
  const { body, spec } = await reviewBody(call);
  const answer = (status: object): void => {
    sendJson(call.response, 201, { ...body, kind: kind.kind, apiVersion: `${kind.group}/${kind.version}`, status });
  };
  switch (kind.kind) {
    case 'TokenReview': {
      const audiences = (spec['audiences'] as string[] | undefined) ?? API_AUDIENCES;
      const checked = api.tokens.check(String(spec['token'] ?? ''), audiences);
      if (typeof checked === 'string') return answer({ authenticated: false, error: checked });
      return answer({ authenticated: true, user: userStatus(checked.user), audiences: checked.audiences });
    }
    case 'SelfSubjectReview':
      return answer({ userInfo: userStatus(user) });
    case 'SelfSubjectAccessReview':
      return answer(accessStatus(call, user, spec));
    case 'SubjectAccessReview':
    case 'LocalSubjectAccessReview':
      return answer(accessStatus(call, otherUser(spec), spec));
    default: {
      const rules = [...rulesFor(api.store, user, String(spec['namespace'] ?? ''))];
      const all = user.groups.includes('system:masters');
      return answer({
        incomplete: false,
        resourceRules: all
          ? [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }]
          : rules.filter((rule) => rule.resources),
        nonResourceRules: all
          ? [{ verbs: ['*'], nonResourceURLs: ['*'] }]
          : rules.filter((rule) => rule.nonResourceURLs),
      });
    }
  }
}

/** Issues a service account token, bound to a pod where the request names one. */
export async function answerTokenRequest(call: ResourceCall): Promise<void> {
  const { api, kind, namespace, name = '' } = call;
  const body = await readObject(call.request);
  const account = api.store.get(kind, namespace, name);
  if (account === undefined) throw notFound(kind, name);
  const spec = isObject(body['spec']) ? body['spec'] : {};
  const seconds = (spec['expirationSeconds'] as number | undefined) ?? 3600;
  if (seconds < 600) {
    throw invalid({ group: 'authentication.k8s.io', plural: '', kind: 'TokenRequest' }, '', [
      {
        reason: 'FieldValueInvalid',
        message: `Invalid value: ${seconds}: may not specify a duration less than 10 minutes`,
        field: 'spec.expirationSeconds',
      },
    ]);
  }
  const audiences = (spec['audiences'] as string[] | undefined)?.length ? spec['audiences'] : API_AUDIENCES;
  const pod = boundPod(call, spec['boundObjectRef']);
  const { token, expires } = api.tokens.issue(account, {
    audiences: audiences as string[],
    expirationSeconds: seconds,
    pod,
  });
  sendJson(call.response, 201, {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name, namespace, creationTimestamp: timestamp() },
    spec: { ...spec, audiences, expirationSeconds: seconds },
    status: { token, expirationTimestamp: timestamp(expires) },
  });
}

function boundPod({ api, namespace, name }: ResourceCall, reference: unknown): KubeObject | undefined {
  if (!isObject(reference)) return undefined;
  if (reference['kind'] !== 'Pod') throw badRequest(`cannot bind token to object of type ${String(reference['kind'])}`);
  const pod = api.store.get(KIND.Pod, namespace, String(reference['name']));
  if (pod === undefined) throw notFound(KIND.Pod, String(reference['name']));
  const uid = reference['uid'];
  if (uid && uid !== pod.metadata.uid) {
    throw conflict(
      KIND.Pod,
      pod.metadata.name,
      `the UID in the bound object reference (${String(uid)}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  const account = (pod as { spec?: { serviceAccountName?: string } }).spec?.serviceAccountName;
  if (account !== name) {
    throw badRequest(
      `cannot bind token for serviceaccount "${name}" to pod running with different serviceaccount name.`,
    );
  }
  return pod;
}
