import type { ConfigMap, Container, Pod, Secret } from '../../api/resources';

/** The value of a downward API field, or undefined when the pod has none. */
export function podField(pod: Pod, path: string): string | undefined {
  const keyed = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (keyed) return pod.metadata[keyed[1] as 'labels' | 'annotations']?.[keyed[2]!] ?? '';
  switch (path) {
    case 'metadata.name':
      return pod.metadata.name;
    case 'metadata.namespace':
      return pod.metadata.namespace;
    case 'metadata.uid':
      return pod.metadata.uid;
    case 'metadata.labels':
      return keyValues(pod.metadata.labels);
    case 'metadata.annotations':
      return keyValues(pod.metadata.annotations);
    case 'spec.nodeName':
      return pod.spec.nodeName;
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName ?? 'default';
    case 'status.podIP':
    case 'status.podIPs':
      return pod.status?.podIP;
    case 'status.hostIP':
      return pod.status?.hostIP;
    default:
      return undefined;
  }
}

const keyValues = (values: Record<string, string> = {}): string =>
  Object.entries(values)
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n');

/** Where environment and volumes read their objects. */
export interface ObjectSource {
  configMap(namespace: string, name: string): ConfigMap | undefined;
  secret(namespace: string, name: string): Secret | undefined;
}

/** An object that a container needs and that does not exist (yet). */
export class MissingObject extends Error {}

/**
 * The environment of a container: what its specification says, with `$(NAME)` replaced by earlier entries.
 *
 * @throws MissingObject when a config map or secret that is not optional does not exist
 */
export function environmentOf(
  pod: Pod,
  container: Container,
  base: Readonly<Record<string, string>>,
  objects: ObjectSource,
): Record<string, string> {
  const namespace = pod.metadata.namespace ?? 'default';
  const env: Record<string, string> = { ...base };
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const ref = configMapRef ?? secretRef;
    if (ref === undefined) continue;
    const data = configMapRef
      ? objects.configMap(namespace, ref.name)?.data
      : decoded(objects.secret(namespace, ref.name));
    if (data === undefined && !ref.optional)
      throw new MissingObject(`${configMapRef ? 'configmap' : 'secret'} "${ref.name}" not found`);
    for (const [key, value] of Object.entries(data ?? {})) env[prefix + key] = value;
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    const result = valueFrom === undefined ? expand(value ?? '', env) : valueOf(pod, namespace, valueFrom, objects);
    if (result !== undefined) env[name] = result;
  }
  return env;
}

const expand = (text: string, env: Readonly<Record<string, string>>): string =>
  text.replace(/\$\$|\$\(([^)]+)\)/g, (match, name: string | undefined) =>
    name === undefined ? '$' : (env[name] ?? match),
  );

const decoded = (secret: Secret | undefined): Record<string, string> | undefined =>
  secret &&
  Object.fromEntries(
    Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  );

function valueOf(
  pod: Pod,
  namespace: string,
  from: NonNullable<NonNullable<Container['env']>[number]['valueFrom']>,
  objects: ObjectSource,
): string | undefined {
  if (from.fieldRef) return podField(pod, from.fieldRef.fieldPath);
  const ref = from.configMapKeyRef ?? from.secretKeyRef;
  if (ref === undefined) return undefined;
  const data = from.configMapKeyRef
    ? objects.configMap(namespace, ref.name)?.data
    : decoded(objects.secret(namespace, ref.name));
  const value = data?.[ref.key];
  if (value === undefined && !ref.optional) {
    throw new MissingObject(
      `key "${ref.key}" of ${from.configMapKeyRef ? 'configmap' : 'secret'} "${ref.name}" not found`,
    );
  }
  return value;
}
