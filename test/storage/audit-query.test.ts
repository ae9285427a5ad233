import { describe, expect, it } from 'vitest';
import { chainLine, emptyChain } from '../../src/crypto/record-chain.ts';
import { membersOf } from '../../src/storage/audit-lines.ts';
import { queryAuditLog, type AuditFilter } from '../../src/storage/audit-query.ts';
import { auditEvent, collect } from './audit-fixtures.ts';

const key = 'acs:kms:local:1000000000000000:key/one';
const secret = 'acs:kms:local:1000000000000000:secret/db';
const events = [
  auditEvent({ time: 10, action: 'CreateKey', resources: [key] }),
  auditEvent({ time: 20, action: 'GetSecretValue', resources: [secret], outcome: 'Forbidden.NoPermission' }),
  auditEvent({ time: 30, action: 'GetSecretValue', resources: [secret, key], principal: 'anonymous' }),
  auditEvent({
    time: 40,
    product: 'sts',
    action: 'AssumeRoleWithOIDC',
    resources: [],
    accessKeyId: 'AK1',
    sourceIp: '10.1.2.3',
    requestId: 'R-4',
    pod: { namespace: 'shop', serviceAccount: 'web', name: 'web-1' },
    decision: 'Deny',
    decidedBy: 'shadow:RbacPolicy/shop',
  }),
];

function toLines(): Buffer[] {
  let head = emptyChain;
  return events.map((event) => {
    const next = chainLine(head, membersOf('event', event.time, JSON.stringify(event)));
    head = next.head;
    return Buffer.from(next.line);
  });
}

const cases: { filter: AuditFilter; found: number[] }[] = [
  { filter: {}, found: [1, 2, 3, 4] },
  { filter: { action: 'GetSecretValue' }, found: [2, 3] },
  { filter: { action: 'Get*' }, found: [2, 3] },
  { filter: { action: 'sts:*' }, found: [4] },
  { filter: { action: 'kms:CreateKey' }, found: [1] },
  { filter: { principal: 'anonymous' }, found: [3] },
  { filter: { wouldDeny: true }, found: [4] },
  { filter: { wouldDeny: false }, found: [1, 2, 3] },
  { filter: { resource: key }, found: [1, 3] },
  { filter: { resource: 'acs:kms:local:1000000000000000:secret/*' }, found: [2, 3] },
  { filter: { outcome: 'OK' }, found: [1, 3, 4] },
  { filter: { outcome: 'error' }, found: [2] },
  { filter: { outcome: 'Forbidden.*' }, found: [2] },
  { filter: { since: 20, until: 40 }, found: [2, 3] },
  { filter: { since: 20, outcome: 'OK', resource: key }, found: [3] },
  { filter: { action: 'None' }, found: [] },
  { filter: { accessKeyId: 'AK1' }, found: [4] },
  { filter: { sourceIp: '10.1.*' }, found: [4] },
  { filter: { pod: 'shop/*' }, found: [4] },
  { filter: { pod: 'shop/web-2' }, found: [] },
  { filter: { requestId: 'R-4' }, found: [4] },
];

describe('a query of the audit log', () => {
  it.each(cases)('for $filter gives records $found', async ({ filter, found }) => {
    const records = await collect(queryAuditLog(toLines(), filter));
    expect(records.map(({ seq }) => seq)).toEqual(found);
    expect(records.map(({ event }) => event)).toEqual(found.map((seq) => events[seq - 1]));
  });

  it('leaves out a last line that is being written, and names a line that is no record', async () => {
    const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = toLines();
    expect(await collect(queryAuditLog([first, second.subarray(0, 40)]))).toHaveLength(1);
    await expect(collect(queryAuditLog([first, Buffer.from('garbage\n')]))).rejects.toThrow(/Line 2 .* not a record/);
  });
});
