import { describe, expect, it } from 'vitest';
import { consumerStatus } from '../../../src/controllers/kms-secret/consumers.ts';
import type { SecretReads } from '../../../src/controllers/secret-consumers.ts';
import { valuesReadTime } from '../../../src/controllers/secret-binding/values-age.ts';

type Reader = SecretReads['Consumers']['Consumer'][number];

const at = (hour: number, minute = 0): string => new Date(Date.UTC(2026, 0, 2, hour, minute)).toISOString();

function reader(PodName: string, LastUsedTime: string, ServiceAccount = 'web'): Reader {
  const pod = { Namespace: 'shop', ServiceAccount, PodName };
  return { Principal: 'acs:ram::1:assumed-role/shop/x', ...pod, FirstUsedTime: at(0), LastUsedTime, ReadCount: 1 };
}

function reads(consumers: Reader[], DroppedConsumers = 0): SecretReads {
  const LastUsedTime = consumers[0]?.LastUsedTime ?? '';
  const known = { SecretName: 'shop/db', ObservedSince: at(0), ReadCount: 9, Complete: true, RequestId: 'r' };
  return { ...known, LastUsedTime, DroppedConsumers, Consumers: { Consumer: consumers } };
}

describe('What the status of a KmsSecret says of who uses it', () => {
  it('names service accounts with the number of their pods, and other principals, the last to read first', () => {
    const root = { ...reader('', at(9), ''), Namespace: '', Principal: 'acs:ram::1:root' };
    const status = consumerStatus(
      reads([root, reader('web-2', at(8)), reader('web-1', at(7)), reader('job', at(6), 'job')]),
      undefined,
    );
    expect(status).toEqual({
      usesKnownSince: at(0),
      lastUsedTime: at(9),
      consumers: [
        { name: 'acs:ram::1:root', lastUsedTime: at(9) },
        { name: 'system:serviceaccount:shop:web', pods: 2, lastUsedTime: at(8) },
        { name: 'system:serviceaccount:shop:job', pods: 1, lastUsedTime: at(6) },
      ],
    });
  });

  it('says that nobody has read it, and since when that is known', () => {
    expect(consumerStatus(reads([]), undefined)).toEqual({ usesKnownSince: at(0) });
  });

  it('says nothing where KMS cannot tell', () => {
    expect(consumerStatus(undefined, { lastUsedTime: at(1) })).toEqual({});
  });

  it('counts those for whom there is no place', () => {
    const many = Array.from({ length: 20 }, (_, index) => reader(`p${index}`, at(1), `sa${index}`));
    const { consumers, otherConsumers } = consumerStatus(reads(many, 3), undefined);
    expect([consumers?.length, otherConsumers]).toEqual([16, 7]);
  });

  it('G7: stays the same for an hour of use, and is never later than the truth', () => {
    const first = consumerStatus(reads([reader('web-1', at(7))]), undefined);
    expect(consumerStatus(reads([reader('web-1', at(7, 59))]), first)).toEqual(first);
    expect(consumerStatus(reads([reader('web-1', at(8))]), first).lastUsedTime).toBe(at(8));
    expect(consumerStatus(reads([reader('web-1', at(6))]), first).lastUsedTime).toBe(at(6));
  });
});

describe('The age of the values on which the pods of a binding run', () => {
  it('is that of the pod and the secret for which the last read is longest ago', () => {
    const db = reads([reader('web-2', at(9)), reader('web-1', at(7))]);
    const tls = reads([reader('web-1', at(9)), reader('web-2', at(8))]);
    expect(valuesReadTime([db, tls], ['web-1', 'web-2'])).toBe(at(7));
    expect(valuesReadTime([db, tls], ['web-2'])).toBe(at(8));
  });

  it('is not known of pods that KMS does not know by name', () => {
    expect(valuesReadTime([reads([reader('other', at(9))])], ['web-1'])).toBeUndefined();
  });
});
