import { isObject } from '../../api/json';
import type { JsonSchema } from '../../api/json-schema';
import { brokenRules } from '../../schema/cel/broken-rules';
import { compileRule } from '../../schema/cel/environment';
import { propertyOf, type ValuePath } from '../../schema/validate';
import type { Cause } from '../store/status-error';
import { resolved } from './builtin';

const OUT_OF_BUDGET: Cause = {
  reason: 'FieldValueInvalid',
  message:
    'Invalid value: "object": validation failed due to running out of cost budget, no further validation rules will be run',
  field: '<nil>',
};
const SHOWN: Readonly<Record<string, string>> = {
  FieldValueDuplicate: 'Duplicate value: ',
  FieldValueForbidden: 'Forbidden',
  FieldValueInvalid: 'Invalid value: ',
  FieldValueRequired: 'Required value',
};

/** The CEL rules that an object breaks, worded as the API server does. */
export function ruleCauses(object: unknown, schema: JsonSchema, previous: unknown): Cause[] {
  const { broken, exhausted } = brokenRules(object, schema, { resolve: resolved, previous });
  const causes = broken.map(({ path, type, message, reason }): Cause => {
    const shown = SHOWN[reason] ?? 'Invalid value: ';
    const value = shown.endsWith(' ') ? JSON.stringify(type) : '';
    return { reason, message: `${shown}${value}: ${message}`, field: placeName(path, schema) };
  });
  return exhausted ? [...causes, OUT_OF_BUDGET] : causes;
}

/** A path as the API server writes it for rules: the keys of mappings stand in brackets. */
function placeName(path: ValuePath, schema: JsonSchema): string {
  let inner: JsonSchema = resolved(schema);
  let text = '';
  for (const part of path) {
    const field = typeof part === 'string' && inner.properties !== undefined && Object.hasOwn(inner.properties, part);
    text += field ? `${text && '.'}${part}` : `[${part}]`;
    inner = resolved((typeof part === 'number' ? inner.items : propertyOf(inner, part)) ?? {});
  }
  return text || '<nil>';
}

/** The rules of a definition's schemas that this cluster does not evaluate, each once, with the reason. */
export function unsupportedRules(value: unknown): { readonly rule: string; readonly problem: string }[] {
  const problems = new Map<string, string>();
  const visit = (inner: unknown): void => {
    if (Array.isArray(inner)) return inner.forEach(visit);
    if (!isObject(inner)) return;
    const rules = inner['x-kubernetes-validations'];
    for (const each of Array.isArray(rules) ? rules : []) {
      const rule: unknown = isObject(each) ? each['rule'] : undefined;
      const compiled = typeof rule === 'string' ? compileRule(rule) : undefined;
      if (compiled instanceof Error) problems.set(rule as string, compiled.message.split('\n')[0]!);
    }
    Object.values(inner).forEach(visit);
  };
  visit(value);
  return [...problems].map(([rule, problem]) => ({ rule, problem }));
}
