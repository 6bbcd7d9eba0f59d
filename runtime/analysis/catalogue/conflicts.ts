import type { Rule } from '../rule';
import { duplicatePolicy } from '../rules/duplicate-policy';
import { matchNeverHolds } from '../rules/match-never-holds';
import { peerAuthenticationConflict } from '../rules/peer-authentication-conflict';

/** Conflicts: what cancels, repeats or hides something else. By code: AMB4xxx. */
export const CONFLICTS: readonly Rule[] = [duplicatePolicy, matchNeverHolds, peerAuthenticationConflict];
