import type { KubeObject } from '../../api/resources';
import { conform } from '../schema/conform';
import { withDefaults } from '../../schema/defaults';
import { resolved } from '../schema/builtin';
import { schemaOf } from '../schema/kind-schema';
import { hasRules } from '../../schema/cel/broken-rules';
import { ruleCauses, unsupportedRules } from '../schema/rule-causes';
import { validate } from '../schema/validate';
import { badRequest, invalid, type Cause } from '../store/status-error';
import type { ResourceCall } from './context';
import type { ServedKind } from './served-kind';

type Bag = KubeObject & Record<string, unknown>;

/**
 * Reads an object that a client sent by its kind's schema. Unknown fields are refused (400), warned about or dropped,
 * as the query's fieldValidation says; a custom kind's object gets its defaults.
 */
export function readIncoming(call: ResourceCall, object: Bag): Bag {
  const { kind, info, response } = call;
  const schema = schemaOf(kind);
  const { value, unknown, mistyped } = conform(object, schema, kind.custom === undefined);
  const handled = `${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}`;
  if (mistyped.length > 0) throw badRequest(`${handled}: ${mistyped[0]}`);
  if (unknown.length > 0) {
    const fields = unknown.map((path) => `unknown field "${path}"`);
    const level = info.query.get('fieldValidation') || 'Warn';
    if (level === 'Strict') throw badRequest(`${handled}: strict decoding error: ${fields.join(', ')}`);
    if (level === 'Warn') {
      response.appendHeader(
        'warning',
        fields.map((text) => `299 - ${JSON.stringify(text)}`),
      );
    }
  }
  return (kind.custom === undefined ? value : withDefaults(value, schema, resolved)) as Bag;
}

const BLOCKING = new Set([
  'FieldValueTypeInvalid',
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
]);
const UNCHECKED: Cause = {
  reason: 'FieldValueInvalid',
  message:
    'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
  field: '<nil>',
};

/**
 * Validates a custom kind's object by its schema and its CEL rules, as it would be stored; built-in kinds are admission's.
 *
 * @param previous the object as it is stored, for rules about changes
 * @throws StatusError 422
 */
export function validateCustom(kind: ServedKind, object: Bag, previous: Bag | undefined): void {
  if (kind.custom === undefined) return;
  const schema = schemaOf(kind);
  const causes = validate(object, schema, { previous }).filter(({ field }) => !field.startsWith('metadata.'));
  if (!causes.some(({ reason }) => BLOCKING.has(reason))) causes.push(...ruleCauses(object, schema, previous));
  else if (hasRules(schema, resolved)) causes.push(UNCHECKED);
  if (causes.length > 0) throw invalid(kind, object.metadata.name ?? '', causes);
}

/** Says on the answer what of a definition this cluster does not do. */
export function warnOfUnsupported({ kind, response }: ResourceCall, object: Bag): void {
  if (kind.kind !== 'CustomResourceDefinition' || kind.group !== 'apiextensions.k8s.io') return;
  const text = JSON.stringify(object['spec'] ?? {});
  const warnings = unsupportedRules(object['spec']).map(
    ({ rule, problem }) =>
      `spec.versions[*].schema: the rule ${JSON.stringify(rule)} is kept and not evaluated by this cluster: ${problem}`,
  );
  if (text.includes('"strategy":"Webhook"')) {
    warnings.push('spec.conversion.strategy: webhooks are not called by this cluster; versions differ in name only');
  }
  if (warnings.length > 0)
    response.appendHeader(
      'warning',
      warnings.map((line) => `299 - ${JSON.stringify(line)}`),
    );
}
