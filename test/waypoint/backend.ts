import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Endpoint, WorkloadFacts } from '../../runtime/waypoint/model';

export const APP = 'spiffe://cluster.local/ns/shop/sa/app';

/** What is known of a pod of the namespace `shop`. */
export const facts = (name: string, address: string, identity: string): WorkloadFacts => ({
  address,
  namespace: 'shop',
  pod: `${name}-0`,
  workload: name,
  app: name,
  version: 'v1',
  cluster: 'Kubernetes',
  identity,
});

/** An application that answers with its name and the request, and tells what it was asked; its ztunnel speaks HBONE. */
export class Backend {
  requests: { method: string; url: string; headers: http.IncomingHttpHeaders }[] = [];
  connections = 0;
  readonly app = http.createServer((request, response) => this.answer(request, response));
  answer: (request: IncomingMessage, response: ServerResponse) => void = (request, response) => {
    const { method = '', url = '', headers } = request;
    this.requests.push({ method, url, headers });
    request.resume();
    request.once('end', () => response.end(`${this.name} ${method} ${url}`));
  };

  constructor(readonly name: string) {
    this.app.on('connection', () => (this.connections += 1));
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.app.listen(0, '127.0.0.1', resolve));
  }

  get port(): number {
    return (this.app.address() as AddressInfo).port;
  }

  get endpoint(): Endpoint {
    return { address: '127.0.0.1', port: this.port, hbone: [APP], workload: facts(this.name, '127.0.0.1', APP) };
  }

  close(): void {
    this.app.close();
    this.app.closeAllConnections();
  }
}
