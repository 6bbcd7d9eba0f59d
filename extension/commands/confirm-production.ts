import * as vscode from 'vscode';
import { productionSigns, type ContextName } from '../../runtime/engine/istio/production';

/**
 * Asks before anything is written to a cluster that looks like production.
 *
 * @param action the button's text, e.g. `Enroll shop`
 * @throws CancellationError unless the user confirms
 */
export async function confirmProduction({ context, server }: ContextName, action: string): Promise<void> {
  const signs = productionSigns({ context, server });
  if (signs.length === 0) return;
  const detail = `${signs.map((sign) => sign[0]?.toUpperCase() + sign.slice(1)).join('. ')}.\n${server}`;
  const choice = await vscode.window.showWarningMessage(
    `Context ${context} looks like production.`,
    { modal: true, detail },
    action,
  );
  if (choice !== action) throw new vscode.CancellationError();
}
