import path from 'node:path';
import { FlowFeed } from '../telemetry/flow-feed';
import { serveFlowPage } from '../telemetry/flow-page-server';
import type { SourceKind } from '../telemetry/traffic-source';
import { connectToMesh, type MeshOptions } from './mesh';
import { interruptible, print } from './output';

/** Where the build puts the page, beside this program. */
export const pageScript = path.join(__dirname, 'webview', 'flow', 'standalone.js');

/** `ambient flow-page`: serves the live diagram until interrupted. */
export async function flowPage(options: MeshOptions & { pagePort: number; source: SourceKind }): Promise<void> {
  const client = await connectToMesh(options);
  const signal = interruptible();
  const feed = new FlowFeed(client, options.source);
  const server = await serveFlowPage(feed, pageScript, options.pagePort);
  print(options.output, { url: server.url }, ({ url }) => `The traffic flow is at ${url}\nPress Ctrl-C to end.\n`);
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  server.close();
  await feed[Symbol.asyncDispose]();
  client[Symbol.dispose]();
}
