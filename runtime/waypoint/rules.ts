import { SYSTEM_NAMESPACE } from '../api/labels';
import type { AuthorizationPolicy, HttpRoute } from '../api/resources';
import { policiesForRequest, type ObjectName } from '../policy/attachment';
import { compileForWaypoint, type CompiledPolicy } from '../policy/compile-for-waypoint';
import { compileHttpRoutes, type CompiledRoutes } from '../routing/compile-http-routes';
import type { RouteTable } from '../routing/model';
import { log } from '../telemetry/log';

const report = log('config');
const mesh = { rootNamespace: SYSTEM_NAMESPACE };

/**
 * The policies and routes that istiod sent, by `<namespace>/<name>`, compiled when they are first needed and again after
 * a change. What of them cannot be honoured is written to the log, scope `config`, when it is compiled.
 */
export class Rules {
  readonly #policies = new Map<string, AuthorizationPolicy>();
  readonly #httpRoutes = new Map<string, HttpRoute>();
  readonly #compiledPolicies = new Map<AuthorizationPolicy, CompiledPolicy>();
  readonly #byService = new Map<string, readonly CompiledPolicy[]>();
  #routes: CompiledRoutes | undefined;

  constructor(private readonly waypoint: ObjectName) {}

  setPolicy(key: string, policy: AuthorizationPolicy | undefined): void {
    const before = this.#policies.get(key);
    if (before !== undefined) this.#compiledPolicies.delete(before);
    if (policy === undefined) this.#policies.delete(key);
    else this.#policies.set(key, policy);
    this.#byService.clear();
  }

  setHttpRoute(key: string, route: HttpRoute | undefined): void {
    if (route === undefined) this.#httpRoutes.delete(key);
    else this.#httpRoutes.set(key, route);
    this.#routes = undefined;
  }

  /** The policies for what a client addressed: a service, or, without one, a workload behind this waypoint. */
  policies(service: ObjectName | undefined): readonly CompiledPolicy[] {
    const key = service === undefined ? '' : `${service.namespace}/${service.name}`;
    let found = this.#byService.get(key);
    if (found === undefined) {
      const target = { waypoint: this.waypoint, service };
      found = policiesForRequest(this.#policies.values(), target, mesh).map((policy) => this.#compile(policy));
      this.#byService.set(key, found);
    }
    return found;
  }

  /** The routes of a service; undefined when none is attached. */
  routes(service: ObjectName): RouteTable | undefined {
    if (this.#routes === undefined) {
      this.#routes = compileHttpRoutes(this.#httpRoutes.values());
      for (const { object, path, message } of this.#routes.problems) report.warn(message, { object, path });
    }
    return this.#routes.tables.get(`${service.namespace}/${service.name}`);
  }

  /** Everything as it was received, for /config_dump. */
  dump(): { policies: AuthorizationPolicy[]; httpRoutes: HttpRoute[] } {
    return { policies: [...this.#policies.values()], httpRoutes: [...this.#httpRoutes.values()] };
  }

  #compile(policy: AuthorizationPolicy): CompiledPolicy {
    let compiled = this.#compiledPolicies.get(policy);
    if (compiled === undefined) {
      compiled = compileForWaypoint(policy);
      this.#compiledPolicies.set(policy, compiled);
      for (const { path, message } of compiled.notes) {
        report.warn(message, { object: `AuthorizationPolicy ${compiled.key}`, path });
      }
    }
    return compiled;
  }
}
