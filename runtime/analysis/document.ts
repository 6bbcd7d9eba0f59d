import { Composer, isMap, isSeq, Lexer, Parser, type Document, type Node, type YAMLMap } from 'yaml';
import { RELEASES, type Release } from '../api/crds';
import { isObject, type JsonObject } from '../api/json';
import type { KubeObject } from '../api/resources';
import { outdatedAdvice } from './advice';
import type { Fix } from './edit';
import type { Path } from './path';
import { LIMITS, readValue } from './read-value';
import type { Severity } from './rule';
import { isUnmarkedUtf16, strayCharacters } from './stray-characters';
import { sourceText, type SourceRange, type SourceText } from './source-text';
import { structureOf } from './structure';
import { syntaxOf, type SyntaxNode } from './syntax';

/** One object of a file: an element of a multi-document stream, or an item of a List. */
export interface MeshDocument<T extends KubeObject = KubeObject> {
  readonly source: SourceText;
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly name: string;
  /** `default` where none is written, as kubectl has it; empty for kinds of the whole cluster. */
  readonly namespace: string;
  /** What was written, without the parts whose type does not fit the kind's schema. */
  readonly value: T;
  /** The object's place in the text. */
  readonly root: SyntaxNode;
  /** Fields that the schema refuses or does not know. */
  readonly misfits: readonly Misfit[];
}

export interface Misfit {
  readonly code: 'AMB1004' | 'AMB1005' | 'AMB1006';
  readonly path: Path;
  readonly message: string;
  /** Instead of the code's own. */
  readonly severity?: Severity;
  /** The message says which definition takes it. */
  readonly explained?: true;
}

/** A trouble with the text itself. */
export interface ParseProblem {
  readonly code: 'AMB1001' | 'AMB1002' | 'AMB1003' | 'AMB6020' | 'AMB6021' | 'AMB6022';
  readonly message: string;
  readonly range: SourceRange;
  readonly fixes?: readonly Fix[];
}

export interface ParsedFile {
  readonly source: SourceText;
  readonly documents: readonly MeshDocument[];
  readonly problems: readonly ParseProblem[];
  /** A Helm template is not YAML until it is rendered: it has neither documents nor problems. */
  readonly templated: boolean;
}

const CLUSTER_KINDS = new Set(['Namespace', 'Node', 'GatewayClass', 'CustomResourceDefinition', 'ClusterRole']);
const MANY_PROBLEMS = 20;

/**
 * Reads the Kubernetes objects of a YAML or JSON file. Never throws: what was understood is in `documents`, what was not
 * in `problems`. A file without `apiVersion` and `kind` is not even parsed: only outdated advice is looked for, as in
 * every text but a template.
 *
 * @param release whose definitions judge fields; the newest when not given
 */
export function parseFile(file: string, text: string, release: Release = RELEASES[0]): ParsedFile {
  const source = sourceText(file, text);
  const advice = text.length > LIMITS.length ? [] : outdatedAdvice(source);
  const nothing: ParsedFile = { source, documents: [], problems: advice, templated: false };
  const stop = (why: string): ParsedFile => ({ ...nothing, problems: [stopped(why, { start: 0, end: 1 })] });
  if (isUnmarkedUtf16(text)) return stop('the file seems to be UTF-16 without a byte order mark; save it as UTF-8');
  if (!/\bapiVersion\b/.test(text) || !/\bkind\b/.test(text)) return nothing;
  if (text.length > LIMITS.length) return stop(`the file has more than ${LIMITS.length} characters`);
  const tokens = tokenize(text);
  if (tokens === 'templated') return { ...nothing, problems: [], templated: true };
  if (typeof tokens === 'string') return stop(tokens);

  const problems: ParseProblem[] = [...strayCharacters(text), ...advice];
  const documents: MeshDocument[] = [];
  try {
    // Duplicate keys are found in linear time by readValue; the library compares every pair of keys.
    const composer = new Composer({ uniqueKeys: false, logLevel: 'silent' });
    for (const document of composer.compose(tokens)) {
      problems.push(...syntaxProblems(document));
      const read = readDocument(source, document, release);
      documents.push(...read.documents);
      problems.push(...read.problems);
    }
  } catch (error) {
    // The composer is recursive; a text that still exhausts its stack must not take the caller along.
    const why = error instanceof Error ? error.message : String(error);
    return stop(error instanceof RangeError ? 'the YAML parser runs out of stack with it' : why);
  }
  return { source, documents, problems: problems.slice(0, MANY_PROBLEMS), templated: false };
}

/** Tokens of the text, or why there are none. */
function tokenize(text: string): 'templated' | string | Iterable<never> {
  const parser = new Parser();
  const tokens: unknown[] = [];
  let count = 0;
  let previous = '';
  for (const lexeme of new Lexer().lex(text)) {
    if (isTemplate(lexeme, previous)) return 'templated';
    if ((count += 1) > LIMITS.tokens) return `the file has more than ${LIMITS.tokens} tokens`;
    for (const token of parser.next(lexeme)) tokens.push(token);
    // Each level of a document holds about two entries of the parser's stack: the collection and its item.
    if (parser.stack.length > LIMITS.depth * 2) return `more than ${LIMITS.depth} levels inside one another`;
    previous = lexeme;
  }
  for (const token of parser.end()) tokens.push(token);
  return tokens as Iterable<never>;
}

/** `{{` outside comments and block scalars, where only a template engine gives it a meaning. */
function isTemplate(lexeme: string, previous: string): boolean {
  if (lexeme === '{') return previous === '{';
  return lexeme.includes('{{') && !lexeme.startsWith('#') && !lexeme.includes('\n');
}

function syntaxProblems(document: Document): ParseProblem[] {
  return document.errors.slice(0, MANY_PROBLEMS).map(({ message, pos: [start, end] }) => ({
    code: 'AMB1001',
    message: message.split('\n')[0] ?? message,
    range: { start, end: Math.max(end, start + 1) },
  }));
}

function readDocument(
  source: SourceText,
  document: Document,
  release: Release,
): Pick<ParsedFile, 'documents' | 'problems'> {
  const root = document.contents;
  if (!isMap(root)) return { documents: [], problems: [] };
  const { value, aliases, duplicates, stopped: stop } = readValue(root);
  if (stop !== undefined) {
    const { start, end } = stop.range;
    // Whatever is too large is underlined at its beginning only.
    const brief = end - start > 80 ? start + 1 : end;
    return { documents: [], problems: [stopped(stop.why, { start, end: brief })] };
  }
  return {
    documents: objectsIn({ source, release, nodeOf: syntaxOf(root, aliases).nodeOf }, root, value as JsonObject),
    problems: duplicates.map(({ key, range }) => ({
      code: 'AMB1002',
      message: `The key ${JSON.stringify(key)} is already written above; the API server refuses a second one.`,
      range,
    })),
  };
}

interface Reading {
  readonly source: SourceText;
  readonly release: Release;
  readonly nodeOf: (node: Node) => SyntaxNode;
}

function objectsIn(reading: Reading, root: YAMLMap, value: JsonObject): MeshDocument[] {
  const { source, release, nodeOf } = reading;
  const { apiVersion, kind, metadata } = value;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return [];
  // A strategic merge patch holds a part of an object: what it lacks is elsewhere.
  if ('$patch' in value) return [];
  if (kind.endsWith('List') && Array.isArray(value['items'])) {
    const items = root.get('items', true);
    if (!isSeq(items)) return [];
    return items.items.flatMap((item, index) => {
      const child = (value['items'] as unknown[])[index];
      return isMap(item) && isObject(child) ? objectsIn(reading, item, child) : [];
    });
  }
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? '' : apiVersion.slice(0, slash);
  const version = apiVersion.slice(slash + 1);
  const { name, namespace } = isObject(metadata) ? metadata : {};
  const { value: fitting, misfits } = structureOf(value, { group, version, kind }, release);
  const inCluster = CLUSTER_KINDS.has(kind);
  return [
    {
      source,
      group,
      version,
      kind,
      name: typeof name === 'string' ? name : '',
      namespace: inCluster ? '' : typeof namespace === 'string' && namespace ? namespace : 'default',
      value: withMetadata(fitting, inCluster),
      root: nodeOf(root),
      // Each costs a search for its place: an object made of nothing else must not cost them all.
      misfits: misfits.slice(0, MANY_PROBLEMS),
    },
  ];
}

/** Gives the object the metadata that the compilers rely on. */
function withMetadata(value: Record<string, unknown>, inCluster: boolean): KubeObject {
  const metadata = isObject(value['metadata']) ? value['metadata'] : {};
  return {
    ...value,
    metadata: { name: '', ...(inCluster ? {} : { namespace: 'default' }), ...metadata },
  } as KubeObject;
}

function stopped(why: string, range: SourceRange): ParseProblem {
  return { code: 'AMB1003', message: `Not analysed: ${why}.`, range };
}
