import type { CatalogueEntry } from '../rule';

/** What reading a file finds, before any rule. */
export const READING: readonly CatalogueEntry[] = [
  {
    code: 'AMB1001',
    severity: 'error',
    title: 'The text is not YAML',
    why: 'The parser says what it did not expect, and where. Objects that could be read nevertheless are judged. Files without `apiVersion` and `kind` are left alone, and so are Helm templates, which are YAML only when rendered.',
    aliases: [],
    scope: 'document',
  },
  {
    code: 'AMB1002',
    severity: 'error',
    title: 'A key is written twice',
    why: 'The API server refuses an object with a repeated key; other readers take the first or the last value. Rules here judge the first.',
    aliases: [],
    scope: 'document',
  },
  {
    code: 'AMB1003',
    severity: 'warning',
    title: 'A file was not analysed, because it exceeds a limit',
    why: 'Analysis has bounds in time and memory: 8 Mi characters and a million tokens for a file, 200 levels, 200,000 values for a document, each alias counted with all that it stands for. An alias inside its own anchor has no end at all.',
    aliases: [],
    scope: 'document',
  },
  {
    code: 'AMB1004',
    severity: 'error',
    title: 'A value does not fit its field',
    why: 'The kind\'s definition wants another type, one of certain words, a value within bounds or of a certain form, or a field that is missing; or two fields exclude each other, or an element of a list is there twice. The API server refuses the object. Numbers and truth values where text is wanted need quotes: ports: ["8080"].',
    aliases: ['IST0106'],
    scope: 'document',
  },
  {
    code: 'AMB1005',
    severity: 'warning',
    title: 'The kind has no such field',
    why: 'The API server drops a field that it does not know, so what is written has no effect; kubectl warns or refuses. Often it is a slip of spelling or indentation. The finding says when a newer version of Istio or of the Gateway API than the one that is meant (`--istio-version`) has the field; it is an info when only the experimental channel of the Gateway API has it.',
    aliases: ['IST0106', 'IST0133'],
    scope: 'document',
  },
  {
    code: 'AMB1006',
    severity: 'error',
    title: 'An object breaks a rule of its kind',
    why: "Definitions of Istio and of the Gateway API have rules, written in CEL, for what types and bounds cannot say: fields that exclude each other, names that must differ, a filter without its settings. The API server refuses an object that breaks one. The message is the rule's own.",
    aliases: ['IST0106'],
    scope: 'document',
  },
];
