import { expect, test } from 'vitest';
import { observedAudit } from '../../src/gateway/observed-audit.ts';
import type { AuditEvent } from '../../src/ports/audit-sink.ts';

const event: AuditEvent = {
  time: 0,
  requestId: 'r',
  product: 'Kms',
  action: 'ListKeys',
  protocol: 'acs3',
  principal: 'anonymous',
  sourceIp: '10.0.0.1',
  resources: [],
  decision: 'None',
  outcome: 'OK',
};

test('an event is noted once its record is durable, and not when it could not be made', async () => {
  let broken = true;
  const noted: string[] = [];
  const observer = (name: string) => ({ note: () => noted.push(name) });
  const sink = observedAudit(
    {
      append: () => (broken ? Promise.reject(new Error('disk')) : Promise.resolve()),
      close: () => Promise.resolve(),
    },
    [observer('one'), observer('other')],
  );
  await expect(sink.append(event)).rejects.toThrow('disk');
  expect(noted).toEqual([]);
  broken = false;
  await sink.append(event);
  expect(noted).toEqual(['one', 'other']);
});
