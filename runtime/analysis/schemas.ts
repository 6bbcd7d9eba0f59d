import { bundledCrds } from '../api/crds';
import type { Schema } from './conform';

const text: Schema = { type: 'string' };
const whole: Schema = { type: 'integer' };
const texts: Schema = { type: 'object', additionalProperties: text };
const list = (items: Schema): Schema => ({ type: 'array', items });
/** Only the fields that rules read; the rest of the kind passes as it is. */
const open = (properties: Record<string, Schema>): Schema => ({
  type: 'object',
  properties,
  'x-kubernetes-preserve-unknown-fields': true,
});

const metadata = open({ name: text, namespace: text, labels: texts, annotations: texts });
const podTemplate = open({
  metadata,
  spec: open({
    serviceAccountName: text,
    containers: list(open({ name: text, ports: list(open({ name: text, containerPort: whole })) })),
  }),
});
const workload = open({ metadata, spec: open({ template: podTemplate }) });
const nothing = open({ metadata });

const builtin: Readonly<Record<string, Schema>> = {
  '/Service': open({
    metadata,
    spec: open({
      selector: texts,
      type: text,
      ports: list(open({ name: text, port: whole, targetPort: { 'x-kubernetes-int-or-string': true } })),
    }),
  }),
  '/Pod': podTemplate,
  'apps/Deployment': workload,
  'apps/StatefulSet': workload,
  'apps/DaemonSet': workload,
  'apps/ReplicaSet': workload,
  'batch/Job': workload,
  'batch/CronJob': open({ metadata, spec: open({ jobTemplate: workload }) }),
  'kustomize.config.k8s.io/Kustomization': open({ metadata }),
};

const custom = new Map<string, Schema>(
  bundledCrds.flatMap(({ spec: { group, names, versions } }) =>
    versions.map(({ name, schema }): [string, Schema] => {
      const { properties } = (schema?.openAPIV3Schema ?? {}) as Schema;
      return [
        `${group}/${name}/${names.kind}`,
        {
          ...(schema?.openAPIV3Schema as Schema),
          type: 'object',
          properties: { ...properties, apiVersion: text, kind: text, metadata },
        },
      ];
    }),
  ),
);

/** The schema of a kind: the CustomResourceDefinition's, or the part of a built-in kind that rules rely on. */
export function schemaOf(group: string, version: string, kind: string): Schema {
  return custom.get(`${group}/${version}/${kind}`) ?? builtin[`${group}/${kind}`] ?? nothing;
}

/** Whether the definitions that we carry have this kind in this version. */
export function isKnownVersion(group: string, version: string, kind: string): boolean {
  return custom.has(`${group}/${version}/${kind}`);
}
