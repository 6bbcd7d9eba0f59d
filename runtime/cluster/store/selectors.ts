import type { KubeObject, LabelSelector } from '../../api/resources';
import { badRequest } from './status-error';

/** Decides whether an object is selected. */
export type Selector = (object: KubeObject) => boolean;

type Labels = Readonly<Record<string, string>> | undefined;
interface Requirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';
  readonly values: readonly string[];
}

const REQUIREMENT =
  /^\s*(?:(!)\s*([^\s!=<>(),]+)|([^\s!=<>(),]+)(?:\s*(==|=|!=|>|<)\s*([^\s!=<>(),]*)|\s+(in|notin)\s*\(([^)]*)\))?)\s*$/;

function meets(labels: Labels, { key, operator, values }: Requirement): boolean {
  const value = labels?.[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return value !== undefined && Number(value) > Number(values[0]);
    case 'Lt':
      return value !== undefined && Number(value) < Number(values[0]);
  }
}

/** Splits at commas that are not inside parentheses. */
function requirementsOf(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    if (text[i] === '(') depth++;
    else if (text[i] === ')') depth--;
    else if (i === text.length || (text[i] === ',' && depth === 0)) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return parts.filter((part) => part.trim() !== '');
}

function parseRequirement(text: string): Requirement {
  const match = REQUIREMENT.exec(text);
  if (!match) throw badRequest(`unable to parse requirement: ${text.trim()}`);
  const [, not, absent, key = '', sign, value = '', set, list = ''] = match;
  if (not) return { key: absent!, operator: 'DoesNotExist', values: [] };
  if (set) {
    const values = list.split(',').map((item) => item.trim());
    return { key, operator: set === 'in' ? 'In' : 'NotIn', values };
  }
  if (sign === undefined) return { key, operator: 'Exists', values: [] };
  const operator = sign === '!=' ? 'NotIn' : sign === '>' ? 'Gt' : sign === '<' ? 'Lt' : 'In';
  return { key, operator, values: [value] };
}

/** Parses `a=b,c!=d,e in (f,g),!h`. Throws a 400 Status. */
export function parseLabelSelector(text: string): Selector {
  const requirements = requirementsOf(text).map(parseRequirement);
  return (object) => requirements.every((requirement) => meets(object.metadata.labels, requirement));
}

/** Whether labels satisfy a `LabelSelector`; an empty selector selects everything, a missing one nothing. */
export function matchesLabelSelector(selector: LabelSelector | undefined, labels: Labels): boolean {
  if (selector === undefined) return false;
  return (
    Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels?.[key] === value) &&
    (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) =>
      meets(labels, { key, operator, values }),
    )
  );
}

function valueAt(object: unknown, path: string): string {
  let value = object;
  for (const step of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[step];
  return value === undefined || value === null ? '' : String(value);
}

/**
 * Parses `metadata.name=a,spec.nodeName!=b`.
 *
 * @param supported paths beside metadata.name and metadata.namespace that the kind can be selected by
 * @throws a 400 Status for a path that the kind cannot be selected by, as the API server does
 */
export function parseFieldSelector(text: string, supported: readonly string[] = []): Selector {
  const tests = requirementsOf(text).map((part) => {
    const match = /^\s*([^!=]+?)\s*(==|=|!=)\s*(.*?)\s*$/.exec(part);
    if (!match) throw badRequest(`invalid selector: '${text}'; can't understand '${part}'`);
    const [, path = '', sign, value = ''] = match;
    if (path !== 'metadata.name' && path !== 'metadata.namespace' && !supported.includes(path)) {
      throw badRequest(`field label not supported: ${path}`);
    }
    return (object: KubeObject): boolean => (valueAt(object, path) === value) === (sign !== '!=');
  });
  return (object) => tests.every((test) => test(object));
}
