// Writes runtime/cluster/schema/builtin-schemas.json from the Go types of Kubernetes' own modules:
//   node test/cluster/api/generate-schemas.mts
// A definition is an object of fields, a field is `type[!][*][ #N][ merge=key][ keys=a,b][ set][ atomic][ retainKeys]`:
//   type  string int32 int64 bool double time microtime quantity intstr bytes any, string:A|B for an enumeration,
//         []T, {}T, or the name of a definition;  !  required;  *  a pointer: its zero value is a value;
//   #N    number in the protobuf encoding;  merge  key of strategic merge patches;
//   keys  keys of a map list,  set, atomic  other list and map types of server-side apply.
// A field `<Name` is a definition whose fields are its owner's own in JSON and a message of their own in protobuf.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const here = import.meta.dirname;
const peers = path.join(here, '..', '..', 'peers');
export const SCHEMAS = path.join(here, '..', '..', '..', 'runtime', 'cluster', 'schema', 'builtin-schemas.json');

/** Go packages by the alias under which their types are named here. */
const packages: Record<string, [peer: string, module: string, folder: string]> = {
  'core.v1': ['kubectl', 'k8s.io/api', 'core/v1'],
  'apps.v1': ['kubectl', 'k8s.io/api', 'apps/v1'],
  'discovery.v1': ['kubectl', 'k8s.io/api', 'discovery/v1'],
  'coordination.v1': ['kubectl', 'k8s.io/api', 'coordination/v1'],
  'rbac.v1': ['kubectl', 'k8s.io/api', 'rbac/v1'],
  'authentication.v1': ['kubectl', 'k8s.io/api', 'authentication/v1'],
  'authorization.v1': ['kubectl', 'k8s.io/api', 'authorization/v1'],
  'autoscaling.v1': ['kubectl', 'k8s.io/api', 'autoscaling/v1'],
  'meta.v1': ['kubectl', 'k8s.io/apimachinery', 'pkg/apis/meta/v1'],
  'apiextensions.v1': ['istioctl', 'k8s.io/apiextensions-apiserver', 'pkg/apis/apiextensions/v1'],
};
const roots = [
  ...['Namespace', 'Node', 'Pod', 'Service', 'Endpoints', 'ServiceAccount', 'ConfigMap', 'Secret', 'Event'].map(
    (kind) => `core.v1.${kind}`,
  ),
  ...['Deployment', 'ReplicaSet', 'DaemonSet'].map((kind) => `apps.v1.${kind}`),
  'discovery.v1.EndpointSlice',
  'coordination.v1.Lease',
  ...['Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding'].map((kind) => `rbac.v1.${kind}`),
  ...['TokenReview', 'TokenRequest', 'SelfSubjectReview'].map((kind) => `authentication.v1.${kind}`),
  ...['SubjectAccessReview', 'SelfSubjectAccessReview', 'LocalSubjectAccessReview', 'SelfSubjectRulesReview'].map(
    (kind) => `authorization.v1.${kind}`,
  ),
  'autoscaling.v1.Scale',
  'meta.v1.DeleteOptions',
  'apiextensions.v1.CustomResourceDefinition',
];

const primitives: Record<string, string> = {
  string: 'string',
  int32: 'int32',
  int64: 'int64',
  int: 'int32',
  bool: 'bool',
  float64: 'double',
  '[]byte': 'bytes',
  'meta.v1.Time': 'time',
  'meta.v1.MicroTime': 'microtime',
  'meta.v1.FieldsV1': 'any',
  'resource.Quantity': 'quantity',
  'intstr.IntOrString': 'intstr',
  'runtime.RawExtension': 'any',
  'apiextensions.v1.JSON': 'any',
  'apiextensions.v1.JSONSchemaPropsOrArray': 'any',
  'apiextensions.v1.JSONSchemaPropsOrBool': 'any',
  'apiextensions.v1.JSONSchemaPropsOrStringArray': 'any',
};
const imports: Record<string, string> = { metav1: 'meta.v1', v1: 'core.v1', corev1: 'core.v1', types: 'types' };

interface Field {
  readonly go: string;
  readonly name: string;
  readonly inline: boolean;
  readonly required: boolean;
  readonly pointer: boolean;
  readonly number: string | undefined;
  readonly marks: readonly string[];
}
const structs = new Map<string, Field[]>();
const aliases = new Map<string, string>();
const enums = new Map<string, string[]>();

const folders = new Map<string, string>();
function moduleFolder(peer: string, module: string): string {
  const key = `${peer} ${module}`;
  let folder = folders.get(key);
  if (folder === undefined) {
    const options = { cwd: path.join(peers, peer), encoding: 'utf8' as const };
    folder = execFileSync('go', ['list', '-mod=mod', '-m', '-f', '{{.Dir}}', module], options).trim();
    folders.set(key, folder);
  }
  return folder;
}

function parsePackage(alias: string, text: string): void {
  let comments: string[] = [];
  let open: Field[] | undefined;
  for (const line of text.split('\n').map((raw) => raw.trim())) {
    if (line.startsWith('//')) {
      comments.push(line.slice(2).trim());
      continue;
    }
    const struct = /^type (\w+) struct \{$/.exec(line);
    const other = /^type (\w+) (?!struct|interface)(\S+)/.exec(line);
    const constant = /^(?:const )?\w+\s+(\w+)\s+=\s+"([^"]*)"/.exec(line);
    const empty = /^type (\w+) struct ?\{\}$/.exec(line);
    if (empty) structs.set(`${alias}.${empty[1]}`, []);
    else if (struct) structs.set(`${alias}.${struct[1]}`, (open = []));
    else if (other) {
      aliases.set(`${alias}.${other[1]}`, other[2]!);
      if (comments.includes('+enum')) enums.set(`${alias}.${other[1]}`, []);
    } else if (line === '}') open = undefined;
    else if (open !== undefined) {
      const field = fieldOf(line, comments);
      if (field) open.push(field);
    } else if (constant) enums.get(`${alias}.${constant[1]}`)?.push(constant[2]!);
    comments = [];
  }
}

function fieldOf(line: string, comments: readonly string[]): Field | undefined {
  const match = /^(?:(\w+)\s+)?([\w.*[\]]+)\s+`(.*)`/.exec(line);
  if (!match) return undefined;
  const [, , go = '', tags = ''] = match;
  const tag = (name: string): string | undefined => new RegExp(`${name}:"([^"]*)"`).exec(tags)?.[1];
  const [name = '', ...options] = (tag('json') ?? '').split(',');
  if (name === '-') return undefined;
  const marks: string[] = [];
  const key = tag('patchMergeKey');
  const strategy = tag('patchStrategy') ?? '';
  if (strategy.includes('merge')) marks.push(`merge=${key ?? ''}`);
  if (strategy.includes('retainKeys')) marks.push('retainKeys');
  const mark = (prefix: string): string[] =>
    comments.filter((text) => text.startsWith(prefix)).map((text) => text.slice(prefix.length));
  const listType = mark('+listType=')[0];
  if (listType === 'map') marks.push(`keys=${mark('+listMapKey=').join(',')}`);
  else if (listType) marks.push(listType);
  if (mark('+mapType=')[0] === 'atomic' || mark('+structType=')[0] === 'atomic') marks.push('atomic');
  const optional = options.includes('omitempty') || comments.some((text) => /^\+optional\b/.test(text));
  const number = /^\w+,(\d+)/.exec(tag('protobuf') ?? '')?.[1];
  return {
    go,
    name,
    inline: options.includes('inline'),
    required: !optional,
    pointer: go.startsWith('*'),
    number,
    marks,
  };
}

function resolve(alias: string, go: string): string {
  const type = go.replace(/^\*/, '');
  if (primitives[type]) return primitives[type];
  if (type.startsWith('[]')) return `[]${resolve(alias, type.slice(2))}`;
  const map = /^map\[[^\]]+\](.+)$/.exec(type);
  if (map) return `{}${resolve(alias, map[1]!)}`;
  const [prefix, bare] = type.includes('.') ? type.split('.') : [undefined, type];
  const full = prefix === undefined ? `${alias}.${bare}` : `${imports[prefix] ?? prefix}.${bare}`;
  if (primitives[full]) return primitives[full];
  if (prefix === 'types') return 'string';
  const values = enums.get(full);
  if (values?.length) return `string:${values.join('|')}`;
  if (structs.has(full)) return full;
  const target = aliases.get(full);
  if (target === undefined) throw new Error(`unknown Go type ${full}`);
  return resolve(full.split('.').slice(0, 2).join('.'), target);
}

function fieldsOf(name: string): Record<string, string> {
  const alias = name.split('.').slice(0, 2).join('.');
  const fields: Record<string, string> = {};
  for (const field of structs.get(name) ?? []) {
    const type = resolve(alias, field.go);
    const number = field.number ? [`#${field.number}`] : [];
    if (field.inline && type === 'meta.v1.TypeMeta') Object.assign(fields, { apiVersion: 'string', kind: 'string' });
    else if (field.inline) fields[`<${type.split('.').at(-1)}`] = [type, ...number].join(' ');
    else if (field.name) {
      const flags = (field.required ? '!' : '') + (field.pointer ? '*' : '');
      fields[field.name] = [type + flags, ...number, ...field.marks].join(' ');
    }
  }
  return fields;
}

/** The schemas as the file holds them. Needs Go and the peers' modules. */
export function generateSchemas(): string {
  for (const [alias, [peer, module, folder]] of Object.entries(packages)) {
    const files = alias === 'apiextensions.v1' ? ['types.go', 'types_jsonschema.go'] : ['types.go'];
    for (const file of files)
      parsePackage(alias, readFileSync(path.join(moduleFolder(peer, module), folder, file), 'utf8'));
  }
  const definitions: Record<string, Record<string, string>> = {};
  const pending = [...roots];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (definitions[name]) continue;
    const fields = fieldsOf(name);
    definitions[name] = fields;
    for (const field of Object.values(fields)) {
      const target = field
        .split(' ')[0]!
        .replace(/^(\[\]|\{\})+/, '')
        .replace(/[!*]+$/, '');
      if (structs.has(target)) pending.push(target);
    }
  }
  const lines = Object.entries(definitions)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, fields]) => `  ${JSON.stringify(name)}: ${JSON.stringify(fields)}`);
  return `{\n${lines.join(',\n')}\n}\n`;
}

if (process.argv[1] === import.meta.filename) writeFileSync(SCHEMAS, generateSchemas());
