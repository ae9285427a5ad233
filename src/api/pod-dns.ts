// SPDX-License-Identifier: Apache-2.0

/** What in the spec of a pod decides where its names are looked up. */
export interface PodNameLookup {
  hostNetwork?: boolean;
  dnsPolicy?: string;
}

/** Whether a pod asks the DNS of its node, which does not know Services, instead of that of the cluster. */
export function asksNodeForNames({ hostNetwork = false, dnsPolicy = 'ClusterFirst' }: PodNameLookup): boolean {
  return dnsPolicy === 'Default' || (hostNetwork && dnsPolicy === 'ClusterFirst');
}
