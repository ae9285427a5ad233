/** What a path of the API listener is for. */
export type Route = 'api' | 'liveness' | 'readiness';

/**
 * Every path that the API listener answers, with the methods it takes. All else is 404: maintenance, metrics and debugging
 * have no place here (checklist I3, H5).
 */
export const routes: ReadonlyMap<string, { route: Route; methods: readonly string[] }> = new Map([
  ['/', { route: 'api', methods: ['GET', 'POST'] }],
  ['/healthz', { route: 'liveness', methods: ['GET'] }],
  ['/readyz', { route: 'readiness', methods: ['GET'] }],
]);
