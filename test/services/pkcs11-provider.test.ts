import { describeKeyProvider } from '../providers/key-provider-contract.ts';
import { instance, startHsm } from './hsm-scene.ts';

const settings = [
  ['HsmInternal', '0'],
  ['HsmInternal', '1'],
  ['HsmEncryptedDatabase', '0'],
] as const;

for (const [storage, copies] of settings) {
  const name = `Pkcs11Provider on SoftHSM2, ${storage}${copies === '1' ? ' with working copies' : ''},`;
  describeKeyProvider(name, 'pkcs11', async () => {
    const scene = await startHsm({ KAAP_HSM_COPY_SECONDS: copies });
    return { provider: scene.provider, placement: { scope: instance, storage }, close: () => scene.stop() };
  });
}
