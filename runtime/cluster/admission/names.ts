import type { Kind } from '../../api/kinds';
import type { KubeObject } from '../../api/resources';
import type { Cause } from '../store/status-error';
import { required, wrongValue } from './causes';

const LABEL_1123 = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN_1123 = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL_1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const PATH_SEGMENT = /^(?!\.\.?$)[^/%]+$/;
const ANNOTATIONS_LIMIT = 256 * 1024;

const tooLong = (limit: number): string => `must be no more than ${limit} bytes`;
const LABEL_WHY =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_WHY =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_1035_WHY =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED_WHY =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE_WHY =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/** Why a text is no RFC 1123 label, or undefined. */
export function labelProblem(text: string): string | undefined {
  if (text.length > 63) return tooLong(63);
  return LABEL_1123.test(text) ? undefined : LABEL_WHY;
}

function nameProblem({ group, plural }: Kind, name: string): string | undefined {
  if (group === '' && plural === 'namespaces') return labelProblem(name);
  if (group === '' && plural === 'services') {
    if (name.length > 63) return tooLong(63);
    return LABEL_1035.test(name) ? undefined : LABEL_1035_WHY;
  }
  if (group === 'rbac.authorization.k8s.io') {
    return PATH_SEGMENT.test(name) ? undefined : "may not contain '/' or '%'";
  }
  if (name.length > 253) return tooLong(253);
  return SUBDOMAIN_1123.test(name) ? undefined : SUBDOMAIN_WHY;
}

function qualifiedNameProblem(key: string): string | undefined {
  const parts = key.split('/');
  const name = parts.pop()!;
  if (parts.length > 1) return QUALIFIED_WHY;
  const [prefix] = parts;
  if (prefix !== undefined && (prefix.length > 253 || !SUBDOMAIN_1123.test(prefix)))
    return `prefix part ${SUBDOMAIN_WHY}`;
  if (name.length === 0) return 'name part must be non-empty';
  if (name.length > 63) return `name part ${tooLong(63)}`;
  return QUALIFIED.test(name) ? undefined : QUALIFIED_WHY;
}

/** Checks labels under a path, e.g. `metadata.labels`. */
export function labelCauses(labels: Record<string, string> | undefined, field: string): Cause[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => {
    const causes: Cause[] = [];
    const problem = qualifiedNameProblem(key);
    if (problem !== undefined) causes.push(wrongValue(field, key, problem));
    if (value.length > 63) causes.push(wrongValue(field, value, tooLong(63)));
    else if (!LABEL_VALUE.test(value)) causes.push(wrongValue(field, value, VALUE_WHY));
    return causes;
  });
}

/** Checks name, labels, annotations of any object. */
export function metadataCauses(kind: Kind, { metadata }: KubeObject): Cause[] {
  const causes: Cause[] = [];
  if (!metadata.name) causes.push(required('metadata.name', 'name or generateName is required'));
  else {
    const problem = nameProblem(kind, metadata.name);
    if (problem !== undefined) causes.push(wrongValue('metadata.name', metadata.name, problem));
  }
  if (kind.namespaced && !metadata.namespace) causes.push(required('metadata.namespace'));
  causes.push(...labelCauses(metadata.labels, 'metadata.labels'));
  let size = 0;
  for (const [key, value] of Object.entries(metadata.annotations ?? {})) {
    size += key.length + value.length;
    const problem = qualifiedNameProblem(key.toLowerCase());
    if (problem !== undefined) causes.push(wrongValue('metadata.annotations', key, problem));
  }
  if (size > ANNOTATIONS_LIMIT) {
    const message = `Too long: may not be more than ${ANNOTATIONS_LIMIT} bytes`;
    causes.push({ reason: 'FieldValueTooLong', message, field: 'metadata.annotations' });
  }
  return causes;
}
