import { Environment, Optional, type ASTNode, type ParseResult } from '@marcbachmann/cel-js';
import { parseAddress } from '../../policy/address';
import { matchesPattern } from '../text-pattern';
import { NAMED_FORMATS } from './named-formats';
import { parseRequestUri, type GoUrl } from './go-url';

/** What CEL's `url()` gives. */
class UrlValue {
  constructor(readonly url: GoUrl) {}
}

/** What CEL's `format.dns1123Label()` and the like give. */
class FormatValue {
  constructor(readonly validate: (text: string) => readonly string[]) {}
}

/** What CEL's `ip()` gives. */
class IpValue {
  constructor(readonly bytes: Uint8Array) {}
}

class FormatLibrary {}

/** Kubernetes takes neither zones nor IPv4 addresses in the form of IPv6. */
function addressOf(text: string): Uint8Array | undefined {
  const bytes = parseAddress(text);
  return bytes?.length === 4 && text.includes(':') ? undefined : bytes;
}

function fail(message: string): never {
  throw new Error(message);
}

function makeEnvironment(): Environment {
  const environment = new Environment({ enableOptionalTypes: true })
    .registerVariable('self', 'dyn')
    .registerVariable('oldSelf', 'dyn')
    .registerType('kubernetes.URL', UrlValue)
    .registerType('kubernetes.IP', IpValue)
    .registerType('kubernetes.Format', FormatValue)
    .registerType('kubernetes.FormatLibrary', FormatLibrary)
    .registerConstant('format', 'kubernetes.FormatLibrary', new FormatLibrary())
    .registerFunction(`${OWN.has}(ast): bool`, hasField)
    .registerFunction(`string.${OWN.matches}(string): bool`, (text: string, pattern: string) => {
      return matchesPattern(pattern, text) ?? fail(`error parsing regexp: ${pattern}`);
    })
    .registerFunction('isURL(string): bool', (text: string) => parseRequestUri(text) !== undefined)
    .registerFunction('url(string): kubernetes.URL', (text: string) => {
      return new UrlValue(
        parseRequestUri(text) ??
          fail(`URL parse error during conversion from string: parse ${JSON.stringify(text)}: invalid URI for request`),
      );
    })
    .registerFunction('kubernetes.URL.getScheme(): string', ({ url }: UrlValue) => url.scheme)
    .registerFunction('kubernetes.URL.getHost(): string', ({ url }: UrlValue) => url.host)
    .registerFunction('kubernetes.URL.getHostname(): string', ({ url }: UrlValue) => url.host.replace(/:\d*$/, ''))
    .registerFunction('kubernetes.URL.getPort(): string', ({ url }: UrlValue) => /:(\d*)$/.exec(url.host)?.[1] ?? '')
    .registerFunction('kubernetes.URL.getEscapedPath(): string', ({ url }: UrlValue) => url.path)
    .registerFunction('isIP(string): bool', (text: string) => addressOf(text) !== undefined)
    .registerFunction('ip(string): kubernetes.IP', (text: string) => {
      return new IpValue(addressOf(text) ?? fail(`IP Address ${JSON.stringify(text)} parse error`));
    })
    .registerFunction('kubernetes.IP.family(): int', ({ bytes }: IpValue) => (bytes.length === 4 ? 4n : 6n))
    // Declared dynamic: a rule of the Gateway API compares it to null, which an optional never is.
    .registerFunction('kubernetes.Format.validate(string): dyn', (format: FormatValue, text: string) => {
      const problems = format.validate(text);
      return problems.length === 0 ? Optional.none() : Optional.of(problems);
    });
  for (const [name, validate] of Object.entries(NAMED_FORMATS)) {
    const value = new FormatValue(validate);
    environment.registerFunction(`kubernetes.FormatLibrary.${name}(): kubernetes.Format`, () => value);
  }
  return environment;
}

/**
 * What is put in place of the library's own: its `matches` takes JavaScript's expressions and backtracks, its `has` takes
 * no index in its argument.
 */
const OWN = { matches: 'matchesPattern', has: 'hasField' } as const;
const TOKEN =
  /[rRbB]{0,2}(?:"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(?<=\.\s*)\bmatches(?=\s*\()|(?<![.\w]\s*)has(?=\s*\()/g;

/** A rule with our functions in place of the library's; texts in it stay as they are. */
function withOwn(rule: string): string {
  return rule.replace(TOKEN, (token) => (Object.hasOwn(OWN, token) ? OWN[token as keyof typeof OWN] : token));
}

interface MacroCall {
  readonly args: readonly [ASTNode];
}
interface Checker {
  check(node: ASTNode, context: unknown): unknown;
  getType(name: string): unknown;
}
interface Evaluator {
  run(node: ASTNode, context: unknown): unknown;
}

/** The macro `has(e.f)`: whether the value of `e`, which must be there, has the field. */
function hasField({ args }: MacroCall): object {
  const [node] = args;
  if (node.op !== '.') throw new Error('invalid argument to has() macro');
  const [receiver, field] = node.args;
  return {
    typeCheck(checker: Checker, _macro: unknown, context: unknown) {
      checker.check(receiver, context);
      return checker.getType('bool');
    },
    evaluate(evaluator: Evaluator, _macro: unknown, context: unknown) {
      const value = evaluator.run(receiver, context);
      return typeof value === 'object' && value !== null && Object.hasOwn(value, field);
    },
  };
}

/** A rule that can be evaluated. */
export interface CompiledRule {
  /** Takes `{ self, oldSelf }`; throws what evaluation throws. */
  readonly run: ParseResult;
  /** Whether the rule is about a change. */
  readonly usesOldSelf: boolean;
  /** Comprehensions inside one another: the power of a list's length that evaluation may take. */
  readonly nesting: number;
  /** Fields of `self` that the rule names. */
  readonly fields: readonly string[];
}

let environment: Environment | undefined;
const compiled = new Map<string, CompiledRule | Error>();

/**
 * Compiles a rule, once for each text.
 *
 * @returns the rule, or the error for a text that is no CEL or uses what is not supported here
 */
export function compileRule(rule: string): CompiledRule | Error {
  let result = compiled.get(rule);
  if (result === undefined) {
    result = compile(rule);
    compiled.set(rule, result);
  }
  return result;
}

function compile(rule: string): CompiledRule | Error {
  environment ??= makeEnvironment();
  try {
    const run = environment.parse(withOwn(rule));
    const { valid, error } = run.check();
    if (!valid) return error ?? new Error('the rule is not understood');
    return {
      run,
      usesOldSelf: mentions(run.ast, 'oldSelf'),
      nesting: nestingOf(run.ast),
      fields: [...new Set(fieldsOf(run.ast))],
    };
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function fieldsOf(node: ASTNode): string[] {
  const own = node.op === '.' && node.args[0].op === 'id' && node.args[0].args === 'self' ? [node.args[1]] : [];
  return [...own, ...childrenOf(node.args).flatMap(fieldsOf)];
}

const COMPREHENSIONS = new Set(['all', 'exists', 'exists_one', 'existsOne', 'map', 'filter', 'transformList']);

function childrenOf(args: unknown): ASTNode[] {
  if (Array.isArray(args)) return args.flatMap(childrenOf);
  return typeof args === 'object' && args !== null && 'op' in args ? [args as ASTNode] : [];
}

function mentions(node: ASTNode, name: string): boolean {
  return (node.op === 'id' && node.args === name) || childrenOf(node.args).some((child) => mentions(child, name));
}

function nestingOf(node: ASTNode): number {
  const inner = Math.max(0, ...childrenOf(node.args).map(nestingOf));
  return node.op === 'rcall' && COMPREHENSIONS.has(node.args[0]) ? inner + 1 : inner;
}
