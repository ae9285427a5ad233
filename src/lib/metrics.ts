import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** One row of a metric table. Labels never carry a secret, a name of a secret, or anything a caller chooses freely. */
export interface MetricDefinition {
  type: 'counter' | 'gauge' | 'histogram';
  help: string;
  labels?: readonly string[];
  /** Upper bounds in the metric's unit, for histograms. */
  buckets?: readonly number[];
}

/** Every metric of every process. The reference page lists them from this table. */
export const metricTable: Readonly<Record<string, MetricDefinition>> = {
  kaap_requests_total: {
    type: 'counter',
    help: 'API requests by action and answered code.',
    labels: ['product', 'action', 'code'],
  },
  kaap_request_duration_seconds: {
    type: 'histogram',
    help: 'Time from the first byte of an API request to the end of its answer.',
    labels: ['product', 'action'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  },
  kaap_sealed: { type: 'gauge', help: '1 while the store is sealed, 0 while it is open.' },
  kaap_audit_healthy: {
    type: 'gauge',
    help: '1 while the audit log can be written. While it is 0, no call is answered, or its record waits in the buffer.',
  },
  kaap_audit_buffered_records: {
    type: 'gauge',
    help: 'Records of the audit log that were acknowledged and are in memory only. They are lost if the process is killed.',
  },
  kaap_audit_anchored: {
    type: 'gauge',
    help: '1 while the head of the audit log can be written to its anchors, 0 while one of them cannot be reached.',
  },
  kaap_instance_connected: {
    type: 'gauge',
    help: '1 while the keys of an instance of type Hardware or External can be used; 0 while what holds them is not reached, or the instance is blocked.',
    labels: ['kms_instance'],
  },
  kaap_xki_calls_total: {
    type: 'counter',
    help: 'Calls to external key proxies by operation and result: ok, an errorName, or unreachable.',
    labels: ['kms_instance', 'operation', 'result'],
  },
  kaap_xki_call_duration_seconds: {
    type: 'histogram',
    help: 'Time of a call to an external key proxy, its second attempt included.',
    labels: ['kms_instance', 'operation'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.5],
  },
  kaap_reconcile_total: {
    type: 'counter',
    help: 'Reconciliations by controller and result.',
    labels: ['controller', 'result'],
  },
  kaap_reconcile_duration_seconds: {
    type: 'histogram',
    help: 'Duration of a reconciliation.',
    labels: ['controller'],
    buckets: [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  kaap_queue_depth: { type: 'gauge', help: 'Keys waiting in a controller queue.', labels: ['controller'] },
  kaap_metadata_requests_total: {
    type: 'counter',
    help: 'Requests to the metadata address by status.',
    labels: ['code'],
  },
  kaap_rollouts_total: {
    type: 'counter',
    help: 'Rollouts of workloads, and restarts of pods in place, after a new version of a secret: completed, or given-back to the former version.',
    labels: ['on_change', 'result'],
  },
  kaap_stale_objects: {
    type: 'gauge',
    help: 'Objects of a kind that nobody could look after when it was last tried, because the KMS did not answer.',
    labels: ['kind'],
  },
  kaap_uninjected_pods: {
    type: 'gauge',
    help: 'Pods that a SecretBinding takes and that run without their secrets, because they passed the webhook by.',
  },
  kaap_injection_repairs_total: {
    type: 'counter',
    help: 'Evictions of such pods: evicted, or blocked by a PodDisruptionBudget.',
    labels: ['result'],
  },
  kaap_admission_total: { type: 'counter', help: 'Admission reviews by result.', labels: ['result'] },
  kaap_admission_duration_seconds: {
    type: 'histogram',
    help: 'Duration of an admission review.',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1],
  },
};

export interface Metrics {
  /** Adds to a counter. */
  count(name: string, labels?: Record<string, string>, by?: number): void;
  /** Sets a gauge. */
  set(name: string, value: number, labels?: Record<string, string>): void;
  /** Observes a value in the metric's unit (seconds for durations). */
  observe(name: string, value: number, labels?: Record<string, string>): void;
  /** The exposition text of Prometheus. */
  render(): Promise<string>;
}

function register(registry: Registry): Map<string, Counter | Gauge | Histogram> {
  const metrics = new Map<string, Counter | Gauge | Histogram>();
  for (const [name, row] of Object.entries(metricTable)) {
    const options = { name, help: row.help, labelNames: [...(row.labels ?? [])], registers: [registry] };
    if (row.type === 'counter') metrics.set(name, new Counter(options));
    else if (row.type === 'gauge') metrics.set(name, new Gauge(options));
    else metrics.set(name, new Histogram({ ...options, buckets: [...(row.buckets ?? [])] }));
  }
  return metrics;
}

/** Makes a registry with every row of {@link metricTable} and the figures of the process itself. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const metrics = register(registry);
  const find = (name: string): Counter | Gauge | Histogram => {
    const metric = metrics.get(name);
    if (metric === undefined) throw new Error(`${name} is not in the metric table`);
    return metric;
  };
  return {
    count: (name, labels = {}, by = 1) => (find(name) as Counter).inc(labels, by),
    set: (name, value, labels = {}) => (find(name) as Gauge).set(labels, value),
    observe: (name, value, labels = {}) => (find(name) as Histogram).observe(labels, value),
    render: () => registry.metrics(),
  };
}
