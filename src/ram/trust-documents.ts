/** Whom a role trusts by the tokens of an OIDC provider. */
export interface OidcTrust {
  /** `acs:ram::<account>:oidc-provider/<name>`. */
  readonly providerArn: string;
  /** The token's audience. */
  readonly audience: string;
  /** The token's subject, such as `system:serviceaccount:<namespace>:<name>`. */
  readonly subject: string;
  /** The token's issuer; any that the provider's verifier accepts when absent. */
  readonly issuer?: string;
}

/** The trust policy of a role that holders of such a token may assume. JSON text. */
export function oidcTrustDocument(trust: OidcTrust): string {
  return JSON.stringify({
    Version: '1',
    Statement: [
      {
        Effect: 'Allow',
        Action: 'sts:AssumeRole',
        Principal: { Federated: [trust.providerArn] },
        Condition: {
          StringEquals: {
            'oidc:aud': [trust.audience],
            'oidc:sub': [trust.subject],
            ...(trust.issuer === undefined ? {} : { 'oidc:iss': [trust.issuer] }),
          },
        },
      },
    ],
  });
}

/** The trust policy of a role that the account's users and roles may assume if their own policies let them. JSON text. */
export function accountTrustDocument(accountId: string): string {
  const statement = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { RAM: [`acs:ram::${accountId}:root`] } };
  return JSON.stringify({ Version: '1', Statement: [statement] });
}
