import type { CatalogueEntry, Rule } from './rule';
import { ATTACHMENT } from './catalogue/attachment';
import { CONFLICTS } from './catalogue/conflicts';
import { LIVE_RULES } from './catalogue/live';
import { MIGRATION } from './catalogue/migration';
import { READING } from './catalogue/reading';
import { REFERENCES } from './catalogue/references';
import { SECURITY } from './catalogue/security';

/** All rules, by code. */
export const RULES: readonly Rule[] = [
  ...ATTACHMENT,
  ...REFERENCES,
  ...CONFLICTS,
  ...SECURITY,
  ...MIGRATION,
  ...LIVE_RULES,
];

/** Every code that a diagnostic may have. */
export const CATALOGUE: ReadonlyMap<string, CatalogueEntry> = new Map(
  [...READING, ...RULES].map((entry) => [entry.code, entry]),
);
