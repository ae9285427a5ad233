import type { NetworkRule } from '../../policy/network-rule.ts';
import { RecordTable } from './record-table.ts';

/** A network rule. Bucket `kms/network-rules`, by name. */
export interface NetworkRuleRecord extends NetworkRule {
  sourcePrivateIp: string[];
  description: string;
}

export const networkRuleTable: RecordTable<NetworkRuleRecord> = new RecordTable('kms/network-rules');
