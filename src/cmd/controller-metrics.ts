import type { ControllerMetrics } from '../kube/controller.ts';
import type { Metrics } from '../lib/metrics.ts';

/** Feeds the controllers' callbacks into the metric table. */
export function controllerMetrics(metrics: Metrics): ControllerMetrics {
  return {
    reconciled: (controller, result, seconds) => {
      metrics.count('kaap_reconcile_total', { controller, result });
      metrics.observe('kaap_reconcile_duration_seconds', seconds, { controller });
    },
    depth: (controller, waiting) => metrics.set('kaap_queue_depth', waiting, { controller }),
  };
}
