import { productionSigns, type ContextName } from '../engine/istio/production';
import { MeshError } from '../errors';
import { confirmed } from './output';

/**
 * Asks before anything is written to a cluster that looks like production: on a terminal by a question, elsewhere by
 * refusing.
 *
 * @param what would be done, e.g. `enroll shop`
 * @param yes the user has said so already (`--yes`)
 * @throws MeshError AMB_ERR_PRODUCTION
 */
export async function guardProduction(at: ContextName, what: string, yes = false): Promise<void> {
  const signs = productionSigns(at);
  if (signs.length === 0 || yes) return;
  const question = `Context ${at.context} looks like production: ${signs.join(', ')}. Really ${what}?`;
  if (await confirmed(question)) return;
  throw new MeshError('AMB_ERR_PRODUCTION', { context: at.context, signs: signs.join(', '), what });
}
