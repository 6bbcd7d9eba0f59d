import type { IncomingMessage, ServerResponse } from 'node:http';
import { authenticate } from '../auth/authenticate';
import { isAllowed, refusalOf } from '../auth/authorize';
import { impersonated } from '../auth/impersonate';
import { ANONYMOUS } from '../auth/user';
import { StatusError, forbidden, notFound } from '../store/status-error';
import { REVIEW_KINDS } from './builtin-kinds';
import type { Api, Call, ResourceCall } from './context';
import { answerDiscovery, verbsOf } from './discovery';
import type { OpenApi } from './openapi';
import { answerPodLog } from './pod-log';
import { answerProxy } from './proxy';
import { attributesOf, requestInfo } from './request-info';
import { sendError, sendJson } from './respond';
import * as rest from './rest';
import { answerReview, answerTokenRequest } from './reviews';
import { answerScale } from './scale';

const VERSION = {
  major: '1',
  minor: '34',
  gitVersion: 'v1.34.4+ambient',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: 'node',
  platform: `${process.platform}/${process.arch}`,
};
/** Answered without a token. */
const PUBLIC = new Set(['/livez', '/readyz', '/healthz', '/version']);

type Answer = (call: ResourceCall) => void | Promise<void>;
const BY_VERB: Readonly<Record<string, Answer>> = {
  get: rest.getObject,
  list: rest.listObjects,
  watch: rest.watchObjects,
  create: rest.createObject,
  update: rest.updateObject,
  patch: rest.patchObject,
  delete: rest.deleteObject,
  deletecollection: rest.deleteCollection,
};
const NAMED = new Set(['update', 'patch']);
const STATUS_VERBS = new Set(['get', 'update', 'patch']);
/** Subresources with an answer of their own, by `<group>/<plural>/<subresource>`; the verbs that they take. */
const SPECIAL: Readonly<Record<string, readonly [answer: Answer, ...verbs: string[]]>> = {
  '/pods/log': [answerPodLog, 'get'],
  '/pods/proxy': [answerProxy, 'get', 'create', 'update', 'patch', 'delete'],
  '/services/proxy': [answerProxy, 'get', 'create', 'update', 'patch', 'delete'],
  '/serviceaccounts/token': [answerTokenRequest, 'create'],
  '/namespaces/finalize': [rest.updateObject, 'update'],
};

/** Answers every request; whatever goes wrong becomes a Status. */
export async function handle(
  api: Api,
  openApi: OpenApi,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const info = requestInfo(request);
    if (PUBLIC.has(info.path.replace(/^(\/(?:livez|readyz|healthz))\/.*/, '$1')))
      return answerPublic(info.path, response);
    const user = authorised(api, request);
    await route({ api, request, response, info, user }, openApi);
  } catch (error) {
    sendError(response, error);
  } finally {
    // What a client sent and nobody read would block the connection's next request.
    if (!request.complete) request.resume();
  }
}

function answerPublic(path: string, response: ServerResponse): void {
  if (path === '/version') return sendJson(response, 200, VERSION);
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end('ok');
}

/** Authenticates and authorises a request: 401 for nobody, 403 for somebody who may not. */
export function authorised(api: Api, request: IncomingMessage): Call['user'] {
  const caller = authenticate(request, api.pki, api.tokens);
  if (caller === ANONYMOUS) throw new StatusError(401, 'Unauthorized', 'Unauthorized');
  const user = impersonated(request, caller, api.store);
  const info = requestInfo(request);
  const what = attributesOf(info);
  if (isAllowed(api.store, user, what)) return user;
  if (info.resource === undefined) throw new StatusError(403, 'Forbidden', `forbidden: ${refusalOf(user, what)}`);
  throw forbidden({ ...info.resource, kind: '' }, info.resource.name ?? '', refusalOf(user, what));
}

async function route(call: Call, openApi: OpenApi): Promise<void> {
  const { api, info, request, response } = call;
  if (info.resource === undefined) {
    if (info.method !== 'GET' && info.method !== 'HEAD') throw methodNotAllowed(info.method);
    if (info.path === '/openapi/v3' || info.path.startsWith('/openapi/v3/')) return openApi.answer(info.path, response);
    const document = api.documents.get(info.path);
    if (document !== undefined) return sendJson(response, 200, await document());
    if (answerDiscovery(info.path, api.registry, request, response)) return;
    throw new StatusError(404, 'NotFound', 'the server could not find the requested resource');
  }
  const resource = await resourceCall(call, info.resource);
  await answerOf(resource)(resource);
}

/** Finds the served kind; what is created without a namespace in the path, as no client does, is refused. */
async function resourceCall(call: Call, at: NonNullable<Call['info']['resource']>): Promise<ResourceCall> {
  const kind = call.api.registry.find(at.group, at.version, at.plural);
  if (kind === undefined) {
    throw new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});
  }
  const namespace = kind.namespaced ? at.namespace : undefined;
  const single = at.name !== undefined || at.verb === 'create';
  if (kind.namespaced && namespace === undefined && single && !REVIEW_KINDS.includes(kind)) {
    throw new StatusError(405, 'MethodNotAllowed', `a namespace is required for ${kind.plural}`);
  }
  return Promise.resolve({ ...call, kind, namespace, name: at.name });
}

export const methodNotAllowed = (method: string): StatusError =>
  new StatusError(
    405,
    'MethodNotAllowed',
    `the server does not allow this method on the requested resource: ${method}`,
  );

function answerOf(call: ResourceCall): Answer {
  const { kind, info } = call;
  const { verb, subresource } = info.resource!;
  if (REVIEW_KINDS.includes(kind)) {
    if (verb !== 'create') throw methodNotAllowed(info.method);
    return answerReview;
  }
  if (subresource === undefined) {
    const misplaced = verb === 'create' ? call.name !== undefined : NAMED.has(verb) && call.name === undefined;
    const answer = misplaced ? undefined : BY_VERB[verb];
    if (answer === undefined || !verbsOf(kind).includes(verb)) throw methodNotAllowed(info.method);
    return answer;
  }
  const special = SPECIAL[`${kind.group}/${kind.plural}/${subresource}`];
  if (special !== undefined) {
    const [answer, ...verbs] = special;
    if (!verbs.includes(verb)) throw methodNotAllowed(info.method);
    return answer;
  }
  if (kind.subresources.includes(subresource)) {
    if (!STATUS_VERBS.has(verb)) throw methodNotAllowed(info.method);
    return subresource === 'scale' ? answerScale : BY_VERB[verb]!;
  }
  if (UNSUPPORTED.has(`${kind.plural}/${subresource}`)) {
    throw new StatusError(501, 'NotImplemented', `${kind.plural}/${subresource} is not supported by this cluster`);
  }
  throw notFound({ group: kind.group, plural: `${kind.plural}/${subresource}`, kind: kind.kind }, call.name ?? '');
}

/** Subresources of upstream that we know and do not have. */
const UNSUPPORTED = new Set([
  'pods/exec',
  'pods/attach',
  'pods/portforward',
  'pods/ephemeralcontainers',
  'pods/resize',
  'pods/eviction',
  'pods/binding',
]);
