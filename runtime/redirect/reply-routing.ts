import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { DELIVERY_MARK } from '../api/ports';
import { runInNamespace } from './run-in-namespace';
import { closeFd, inNamespace, openNamespace } from './sockets';

const RULE = `fwmark 0x${DELIVERY_MARK.toString(16)}/0xfff pref 32764 lookup 100`;
const ACCEPT_MARKS = '/proc/sys/net/ipv4/tcp_fwmark_accept';
const HAS_IPV6 = '/proc/sys/net/ipv6';

const batch = (verb: 'add' | 'delete'): string => {
  const v4 = [`rule ${verb} ${RULE}`, `route ${verb} local 0.0.0.0/0 dev lo table 100`];
  return [...v4, ...(existsSync(HAS_IPV6) ? v4.map((line) => `-6 ${line.replace('0.0.0.0/0', '::/0')}`) : [])].join(
    '\n',
  );
};

async function routes(netns: string, verb: 'add' | 'delete'): Promise<void> {
  for (const family of ['-4', '-6'] as const) {
    const lines = batch(verb)
      .split('\n')
      .filter((line) => line.startsWith('-6') === (family === '-6'))
      .map((line) => line.replace(/^-6 /, ''));
    if (lines.length === 0) continue;
    // -force goes on after a line that is already so; anything else that it complains about is a failure.
    const { stderr } = await runInNamespace(netns, 'ip', [family, '-force', '-batch', '-'], `${lines.join('\n')}\n`);
    const problems = stderr
      .split('\n')
      .filter((line) => /RTNETLINK answers|Error/.test(line))
      .filter((line) => !/File exists|No such (file|process)|does not exist/.test(line));
    if (problems.length > 0) throw new Error(`ip ${verb}: ${problems.join('; ')}`);
  }
}

/** Whether sockets that an application accepts inherit the mark of the connection's first packet. */
export function acceptsMarks(netns: number): boolean {
  return inNamespace(netns, () => readFileSync(ACCEPT_MARKS, 'utf8').trim() === '1');
}

function setAcceptMarks(netns: string, on: boolean): void {
  const fd = openNamespace(netns);
  try {
    // /proc/sys/net shows the namespace of whoever reads it.
    inNamespace(fd, () => writeFileSync(ACCEPT_MARKS, on ? '1' : '0'));
  } catch (error) {
    // Where /proc/sys is read-only, as in an unprivileged container, deliveries come from the pod's own address.
    if (!['EROFS', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    closeFd(fd);
  }
}

/**
 * Returns packets with the delivery mark to this namespace itself, so that an application's replies to a client reach
 * the ztunnel that delivered with the client's address (mesh protocol 4.2). Idempotent.
 *
 * @param acceptMarks let accepted sockets inherit the mark (eBPF; with nftables connection tracking keeps it)
 */
export async function enableReplyRouting(netns: string, { acceptMarks }: { acceptMarks: boolean }): Promise<void> {
  if (acceptMarks) setAcceptMarks(netns, true);
  await routes(netns, 'add');
}

/** Takes `enableReplyRouting` back. Idempotent. */
export async function disableReplyRouting(netns: string, { acceptMarks }: { acceptMarks: boolean }): Promise<void> {
  if (acceptMarks) setAcceptMarks(netns, false);
  await routes(netns, 'delete');
}
