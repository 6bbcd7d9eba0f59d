import type { Rule } from '../rule';
import { liveCondition } from '../rules/live-condition';
import { liveDiffers } from '../rules/live-differs';
import { liveEnforcement } from '../rules/live-enforcement';
import { liveMissing } from '../rules/live-missing';
import { liveNamespace } from '../rules/live-namespace';
import { liveNotCaptured } from '../rules/live-not-captured';
import { liveSidecar } from '../rules/live-sidecar';
import { liveWaypoint } from '../rules/live-waypoint';

/** What a running mesh says against a file; silent where only files are known. By code: AMB7xxx. */
export const LIVE_RULES: readonly Rule[] = [
  liveDiffers,
  liveMissing,
  liveNamespace,
  liveWaypoint,
  liveCondition,
  liveEnforcement,
  liveSidecar,
  liveNotCaptured,
];
