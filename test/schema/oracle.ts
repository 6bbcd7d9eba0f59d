import { celEnv, CelScalar, celFunc, celMethod, isCelError, parse, plan, type CelInput } from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import { isIP } from 'node:net';
import { NAMED_FORMATS } from '../../runtime/schema/cel/named-formats';
import { parseRequestUri } from '../../runtime/schema/cel/go-url';

const { STRING, BOOL, DYN } = CelScalar;

/** The other CEL, with the API server's functions that the rules use. */
const environment = celEnv({
  variables: { self: DYN, oldSelf: DYN, format: STRING },
  funcs: [
    ...strings,
    celFunc('isURL', [STRING], BOOL, (text) => parseRequestUri(text) !== undefined),
    celFunc('url', [STRING], STRING, (text) => text),
    celMethod('getScheme', STRING, [], STRING, function () {
      const url = parseRequestUri(this);
      if (url === undefined) throw new Error(`no URL: ${this}`);
      return url.scheme;
    }),
    celFunc('isIP', [STRING], BOOL, (text) => isIP(text) !== 0),
    celMethod('dns1123Label', STRING, [], STRING, () => 'dns1123Label'),
    celMethod('validate', STRING, [STRING], DYN, function (text) {
      const problems = NAMED_FORMATS[this]!(text);
      return problems.join();
    }),
  ],
});

/** A rule as the other CEL evaluates it: `true`, `false` or `error`. */
export function oracle(rule: string): (self: unknown) => string {
  const program = plan(environment, parse(rule));
  return (self) => {
    const result = program({ self: input(self), oldSelf: null, format: 'format' });
    return isCelError(result) ? 'error' : String(result);
  };
}

function input(value: unknown): CelInput {
  if (Array.isArray(value)) return value.map(input) as CelInput;
  if (typeof value !== 'object' || value === null) return value as CelInput;
  return new Map(Object.entries(value).map(([key, item]) => [key, input(item)])) as CelInput;
}
