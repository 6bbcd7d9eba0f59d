import { spawn } from 'node:child_process';

/** Applies an nftables script as one transaction. Rejects with nft's complaint; nothing has changed then. */
export function applyRules(script: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('nft', ['-f', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
    let complaint = '';
    child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`nft: ${complaint.trim() || `exit code ${code}`}`));
    });
    child.stdin.on('error', () => {});
    child.stdin.end(script);
  });
}
