/** A proxy whose routes find the certificates that they need: before the driver judges or applies one they are there, or it is refused. */
import type { ReverseProxy } from '../engine/ports.ts';
import type { RouteModel } from '../engine/state.ts';
import type { Certificates } from './certificates.ts';

export class CertifiedProxy implements ReverseProxy {
  readonly #driver: ReverseProxy;
  readonly #certificates: Pick<Certificates, 'demand' | 'prepare' | 'applied'>;

  constructor(driver: ReverseProxy, certificates: Pick<Certificates, 'demand' | 'prepare' | 'applied'>) {
    this.#driver = driver;
    this.#certificates = certificates;
  }

  async check(signal: AbortSignal, route: RouteModel | null = null): Promise<void> {
    if (route !== null) await this.#certificates.demand(route);
    await this.#driver.check(signal, route);
  }

  checkRemoval(signal: AbortSignal): Promise<void> {
    return this.#driver.checkRemoval(signal);
  }

  async apply(app: string, route: RouteModel | null, signal: AbortSignal): Promise<void> {
    if (route !== null) await this.#certificates.prepare(route);
    await this.#driver.apply(app, route, signal);
    if (route !== null) this.#certificates.applied(route);
  }

  differences(routes: readonly RouteModel[], signal: AbortSignal): Promise<(string | null)[]> {
    return this.#driver.differences(routes, signal);
  }

  listApps(): Promise<string[]> {
    return this.#driver.listApps();
  }
}
