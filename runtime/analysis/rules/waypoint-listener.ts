import type { Gateway } from '../../api/resources';
import { fix, replaceScalar } from '../edit';
import { rule } from '../rule';
import { isWaypoint } from '../workspace';
import { GATEWAY } from './ztunnel-policy';

export const waypointListener = rule<Gateway>({
  code: 'AMB2012',
  severity: 'error',
  title: "A waypoint's listener is not HBONE on port 15008",
  why: 'ztunnel reaches waypoints by HBONE on port 15008 and by nothing else. istiod answers another listener with UnsupportedProtocol: "Expected a single listener on port 15008 with protocol HBONE".',
  aliases: ['IST0171'],
  scope: 'document',
  kinds: [GATEWAY],
  check({ document, report }) {
    if (!isWaypoint(document)) return;
    const listeners = document.value.spec?.listeners ?? [];
    if (listeners.length > 1) {
      report(
        ['spec', 'listeners'],
        `A waypoint has one listener, HBONE on port 15008; this one has ${listeners.length}.`,
        {
          atKey: true,
        },
      );
      return;
    }
    const [listener] = listeners;
    if (listener === undefined) return;
    const at = ['spec', 'listeners', 0];
    if (listener.port !== 15008) {
      const path = [...at, 'port'];
      report(path, `A waypoint listens on port 15008; on ${listener.port} ztunnel does not reach it.`, {
        fixes: [fix('Listen on 15008', true, replaceScalar(document, path, 15008))],
      });
    }
    if (listener.protocol !== 'HBONE') {
      const path = [...at, 'protocol'];
      report(path, `A waypoint's listener speaks HBONE, not ${listener.protocol}.`, {
        fixes: [fix('Speak HBONE', true, replaceScalar(document, path, 'HBONE'))],
      });
    }
  },
});
