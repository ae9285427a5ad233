import type { Nothing, Operation } from './operation.ts';

/** Actions on access points and what they are made of (KMS 2016-01-20). Lists in requests are JSON text. */
export interface AccessPointOperations {
  CreateNetworkRule: Operation<
    { Description?: string | undefined; Name: string; SourcePrivateIp?: string | undefined; Type: string },
    { Arn: string; Description: string; Name: string; SourcePrivateIp: string; Type: string }
  >;
  UpdateNetworkRule: Operation<
    { Description?: string | undefined; Name: string; SourcePrivateIp?: string | undefined },
    Nothing
  >;
  DescribeNetworkRule: Operation<
    { Name: string },
    { Arn: string; Description: string; SourcePrivateIp: string; Type: string }
  >;
  DeleteNetworkRule: Operation<{ Name: string }, Nothing>;
  ListNetworkRules: Operation<
    { PageNumber?: number | undefined; PageSize?: number | undefined },
    {
      NetworkRules: { NetworkRule: { Name: string; Type: string }[] };
      PageNumber: number;
      PageSize: number;
      TotalCount: number;
    }
  >;
  CreatePolicy: Operation<
    {
      AccessControlRules?: string | undefined;
      Description?: string | undefined;
      KmsInstance?: string | undefined;
      Name: string;
      Permissions: string;
      Resources: string;
    },
    {
      AccessControlRules: string;
      Arn: string;
      Description: string;
      KmsInstance: string;
      Name: string;
      Permissions: string;
      Resources: string;
    }
  >;
  UpdatePolicy: Operation<
    {
      AccessControlRules?: string | undefined;
      Description?: string | undefined;
      Name: string;
      Permissions?: string | undefined;
      Resources?: string | undefined;
    },
    Nothing
  >;
  DescribePolicy: Operation<
    { Name: string },
    {
      AccessControlRules: string;
      Arn: string;
      Description: string;
      KmsInstance: string;
      Name: string;
      Permissions: string[];
      Resources: string[];
    }
  >;
  DeletePolicy: Operation<{ Name: string }, Nothing>;
  ListPolicies: Operation<
    { PageNumber?: number | undefined; PageSize?: number | undefined },
    { PageNumber: number; PageSize: number; Policies: { Policy: { Name: string }[] }; TotalCount: number }
  >;
  CreateApplicationAccessPoint: Operation<
    {
      AuthenticationMethod?: string | undefined;
      Description?: string | undefined;
      Name: string;
      Policies: string;
      AuthenticationConfig?: string | undefined;
    },
    { Arn: string; AuthenticationMethod: string; Description: string; Name: string; Policies: string }
  >;
  UpdateApplicationAccessPoint: Operation<
    {
      Description?: string | undefined;
      Name: string;
      Policies?: string | undefined;
      AuthenticationConfig?: string | undefined;
    },
    Nothing
  >;
  DescribeApplicationAccessPoint: Operation<
    { Name: string },
    {
      Arn: string;
      AuthenticationMethod: string;
      Description: string;
      Name: string;
      Policies: string;
      AuthenticationConfig?: string;
    }
  >;
  DeleteApplicationAccessPoint: Operation<{ Name: string }, Nothing>;
  ListApplicationAccessPoints: Operation<
    { PageNumber?: number | undefined; PageSize?: number | undefined },
    {
      ApplicationAccessPoints: { ApplicationAccessPoint: { AuthenticationMethod: string; Name: string }[] };
      PageNumber: number;
      PageSize: number;
      TotalCount: number;
    }
  >;
  CreateClientKey: Operation<
    { AapName: string; NotAfter?: string | undefined; NotBefore?: string | undefined; Password: string },
    { ClientKeyId: string; KeyAlgorithm: string; NotAfter: string; NotBefore: string; PrivateKeyData: string }
  >;
  GetClientKey: Operation<
    { ClientKeyId: string },
    {
      AapName: string;
      ClientKeyId: string;
      CreateTime: string;
      KeyAlgorithm: string;
      KeyOrigin: string;
      NotAfter: string;
      NotBefore: string;
      PublicKeyData: string;
    }
  >;
  ListClientKeys: Operation<
    { AapName?: string | undefined },
    {
      ClientKeys: {
        AapName: string;
        ClientKeyId: string;
        CreateTime: string;
        KeyAlgorithm: string;
        KeyOrigin: string;
        NotAfter: string;
        NotBefore: string;
        PublicKeyData: string;
      }[];
    }
  >;
  DeleteClientKey: Operation<{ ClientKeyId: string }, Nothing>;
}
