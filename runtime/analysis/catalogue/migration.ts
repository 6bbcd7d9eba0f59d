import type { Rule } from '../rule';
import { annotationDeprecated } from '../rules/annotation-deprecated';
import { definitionVersion } from '../rules/definition-version';
import { gatewayNameForm } from '../rules/gateway-name-form';
import { outdatedApiVersion } from '../rules/outdated-api-version';
import { removedKind } from '../rules/removed-kind';

/** Migration: what was right in an older version. By code: AMB6xxx. */
export const MIGRATION: readonly Rule[] = [
  outdatedApiVersion,
  gatewayNameForm,
  annotationDeprecated,
  definitionVersion,
  removedKind,
];
