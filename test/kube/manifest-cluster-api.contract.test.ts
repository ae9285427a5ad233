import { ManifestClusterApi } from '../../src/kube/manifest-cluster-api.ts';
import { describeClusterApi } from '../support/cluster-api-contract.ts';
import { widgetResource } from '../support/widget.ts';

describeClusterApi('a table in memory', () =>
  Promise.resolve({
    api: new ManifestClusterApi({ resources: [widgetResource] }),
    stop: () => Promise.resolve(),
  }),
);
