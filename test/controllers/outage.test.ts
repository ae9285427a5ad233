import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kmsKeyType } from '../../src/api/v1alpha1/kms-key.ts';
import { abandonAnnotation, finalizer } from '../../src/controllers/lifecycle.ts';
import { ControllerScene } from './controller-scene.ts';

let scene: ControllerScene;
const known = { namespace: 'shop', name: 'known' };
const doomed = { namespace: 'shop', name: 'doomed' };

beforeAll(async () => {
  scene = await ControllerScene.start({ driftIntervalMs: 200 });
  await scene.namespace('shop');
  await scene.ready(kmsKeyType, known, {});
  await scene.ready(kmsKeyType, doomed, { deletionPolicy: 'ScheduleDeletion' });
  await scene.server.service.close();
});
afterAll(() => scene.stop());

describe('While the KMS does not answer', () => {
  it('G1: an object that was Ready stays Ready with its status, and says that nobody could look', async () => {
    const before = await scene.read(kmsKeyType, known);
    const stale = await scene.condition(kmsKeyType, known, 'KmsUnavailable', 'Stale');
    expect(stale).toMatchObject({ status: 'True' });
    const after = await scene.read(kmsKeyType, known);
    expect(after?.status).toMatchObject({ keyId: before?.status?.['keyId'], keyState: 'Enabled' });
    expect((await scene.condition(kmsKeyType, known, 'Ready')).status).toBe('True');
    expect(scene.events).toContain('KmsUnavailable known');
    await scene.until(() => Promise.resolve(scene.stale.get('KmsKey') === 2 ? true : undefined));
  });

  it('G7: that is written once', async () => {
    const before = await scene.read(kmsKeyType, known);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect((await scene.read(kmsKeyType, known))?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion);
    expect(scene.events.filter((event) => event === 'KmsUnavailable known')).toHaveLength(1);
  });

  it('G1: a new object is not Ready', async () => {
    await scene.apply(kmsKeyType, { namespace: 'shop', name: 'new' }, {});
    await scene.condition(kmsKeyType, { namespace: 'shop', name: 'new' }, 'KmsUnavailable');
  });

  it('G6: an object whose key is to go with it stays, says why, and names the way out, which works', async () => {
    await scene.cluster.delete(kmsKeyType, doomed, { signal: scene.signal });
    const blocked = await scene.condition(kmsKeyType, doomed, 'ReleaseBlocked');
    expect(blocked.message).toContain(`${abandonAnnotation}=true`);
    const held = (await scene.read(kmsKeyType, doomed))!;
    expect(held.metadata.finalizers).toContain(finalizer);
    await scene.cluster.update(
      kmsKeyType,
      { ...held, metadata: { ...held.metadata, annotations: { [abandonAnnotation]: 'true' } } } as never,
      { signal: scene.signal },
    );
    await scene.until(async () => ((await scene.read(kmsKeyType, doomed)) === undefined ? true : undefined));
    // Those that are left: known and new.
    await scene.until(() => Promise.resolve(scene.stale.get('KmsKey') === 2 ? true : undefined));
  });
});
