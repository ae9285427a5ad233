import { randomBytes } from 'node:crypto';
import { SoftwareProvider } from '../../src/providers/software-provider.ts';
import { instance, XkiScene } from '../support/xki-scene.ts';
import { describeKeyProvider } from './key-provider-contract.ts';

describeKeyProvider('SoftwareProvider', 'software', () =>
  Promise.resolve({
    provider: new SoftwareProvider({ random: randomBytes }),
    placement: { scope: 'shared' },
    close: () => Promise.resolve(),
  }),
);

describeKeyProvider('XkiProvider over xki-proxy', 'xki', async () => {
  const scene = await XkiScene.start();
  const placement = { scope: instance, externalKeyId: 'full' };
  return { provider: scene.provider(), placement, close: () => scene.close() };
});
