import { describeKeyProvider } from '../providers/key-provider-contract.ts';
import { instance, startHsm } from './hsm-scene.ts';

for (const storage of ['HsmInternal', 'HsmEncryptedDatabase'] as const) {
  describeKeyProvider(`Pkcs11Provider on SoftHSM2, ${storage},`, 'pkcs11', async () => {
    const scene = await startHsm();
    return { provider: scene.provider, placement: { scope: instance, storage }, close: () => scene.stop() };
  });
}
