import { KmsScene, type Answer } from './kms-scene.ts';

/** KMS with the network rule `office` and the policy `shop`, from which access points are made. */
export class AccessPointScene extends KmsScene {
  static async start(): Promise<AccessPointScene> {
    const kms = new AccessPointScene();
    await kms.call('CreateNetworkRule', { Name: 'office', Type: 'Private', SourcePrivateIp: '["10.0.0.0/8"]' });
    await kms.call('CreatePolicy', {
      Name: 'shop',
      Permissions: '["RbacPermission/Template/CryptoServiceSecretUser"]',
      Resources: '["secret/shop/*"]',
      AccessControlRules: '{"NetworkRules":["office"]}',
    });
    return kms;
  }

  createPoint(parameters: Record<string, unknown> = {}): Promise<Answer> {
    return this.call('CreateApplicationAccessPoint', { Name: 'shop', Policies: '["shop"]', ...parameters });
  }
}
