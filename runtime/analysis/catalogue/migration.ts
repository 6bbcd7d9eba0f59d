import type { Rule } from '../rule';
import { outdatedApiVersion } from '../rules/outdated-api-version';

/** Migration: what was right in an older version. By code: AMB6xxx. */
export const MIGRATION: readonly Rule[] = [outdatedApiVersion];
