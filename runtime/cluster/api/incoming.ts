import type { KubeObject } from '../../api/resources';
import { conform } from '../schema/conform';
import { setSchemaDefaults } from '../schema/defaults';
import { schemaOf } from '../schema/kind-schema';
import { validate } from '../schema/validate';
import { badRequest, invalid } from '../store/status-error';
import type { ResourceCall } from './context';

type Bag = KubeObject & Record<string, unknown>;

/**
 * Reads an object that a client sent by its kind's schema. Unknown fields are refused (400), warned about or dropped,
 * as the query's fieldValidation says; a custom kind's object gets its defaults and is validated (422).
 */
export function admitIncoming(call: ResourceCall, object: Bag, previous: KubeObject | undefined): Bag {
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
      response.setHeader(
        'warning',
        fields.map((text) => `299 - ${JSON.stringify(text)}`),
      );
    }
  }
  const admitted = value as Bag;
  if (kind.custom === undefined) return admitted;
  setSchemaDefaults(admitted, schema);
  const causes = validate(admitted, schema).filter(({ field }) => !field.startsWith('metadata.'));
  if (causes.length > 0) throw invalid(kind, admitted.metadata.name || (previous?.metadata.name ?? ''), causes);
  return admitted;
}
