import { describe, expect, it } from 'vitest';
import { cluster, eventually, kaap, read } from './installation.ts';

/** Runs last: takes away what the other files made. */
describe('kubectl delete of everything', () => {
  it('leaves no object and no finalizer hanging', async () => {
    const kinds = 'sbind,kkey,ksec,aap,rbacp,nrule';
    await cluster().kubectl(['delete', kinds, '-A', '--all', '--wait=false']);
    await eventually(
      async () => {
        const left = await read<{ items: object[] }>([kinds, '-A']);
        return (left?.items ?? []).length === 0 ? true : undefined;
      },
      async () =>
        `objects are left: ${JSON.stringify((await read<{ items: object[] }>([kinds, '-A']))?.items, null, 1)}`,
      60_000,
    );
    const namespaces = await read<{ items: { metadata: { name: string } }[] }>(['namespaces']);
    const names = (namespaces?.items ?? [])
      .map(({ metadata }) => metadata.name)
      .filter((name) => name.startsWith('e2e-'));
    await cluster().kubectl(['delete', 'namespace', ...names, '--timeout=90s'], { timeoutMs: 120_000 });
    expect(names.length).toBeGreaterThan(2);
  });

  it('takes access points and policies out of kms, and keeps keys and secrets, as their policy says', async () => {
    const points = JSON.parse(await kaap(['call', 'ListApplicationAccessPoints'])) as { TotalCount: number };
    const policies = JSON.parse(await kaap(['call', 'ListPolicies'])) as { TotalCount: number };
    const keys = JSON.parse(await kaap(['call', 'ListKeys'])) as { TotalCount: number };
    expect(points.TotalCount).toBe(0);
    expect(policies.TotalCount).toBe(0);
    expect(keys.TotalCount).toBeGreaterThan(2);
  });

  it('leaves an audit log in kms whose chain is intact', async () => {
    expect(await kaap(['audit', 'verify', '/var/lib/kaap/audit'])).toContain('chain intact');
  });
});
