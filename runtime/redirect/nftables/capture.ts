import { existsSync } from 'node:fs';
import { disableReplyRouting, enableReplyRouting } from '../reply-routing';
import { runInNamespace } from '../run-in-namespace';
import { captureRules, NAT_TABLE, releaseRules, removalRules } from './rules';

async function nft(netns: string, rules: string): Promise<void> {
  const { code, stderr } = await runInNamespace(netns, 'nft', ['-f', '-'], rules);
  if (code !== 0) throw new Error(`nft: ${stderr.trim().split('\n')[0] ?? `exit code ${code}`}`);
}

/** Captures new connections of a pod by nftables, both ways; idempotent. One transaction: all rules or none. */
export async function captureByNftables(netns: string): Promise<void> {
  await enableReplyRouting(netns, { acceptMarks: false });
  await nft(netns, captureRules());
}

/** Whether the rules of capture are in a pod, whoever put them there. */
export async function isCapturedByNftables(netns: string): Promise<boolean> {
  const { code, stdout } = await runInNamespace(netns, 'nft', ['list', 'table', 'inet', NAT_TABLE]);
  return code === 0 && stdout.includes('redirect to');
}

/** Ends capture of new connections; those that ztunnel carries go on. `dismantleNftables` when they are gone. */
export async function releaseNftables(netns: string): Promise<void> {
  if (existsSync(netns)) await nft(netns, releaseRules());
}

/** Removes every rule and route of capture. Idempotent. */
export async function dismantleNftables(netns: string): Promise<void> {
  if (!existsSync(netns)) return;
  await nft(netns, removalRules());
  await disableReplyRouting(netns, { acceptMarks: false });
}
