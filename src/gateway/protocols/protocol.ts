import type { ErrorCode } from '../../lib/errors.ts';
import type { AnswerEncoder } from '../encode.ts';
import type { WireRequest } from '../wire-request.ts';
import type { SignatureVerifier } from '../signature.ts';

/** A signature that a request carries, not yet verified. */
export interface Proof extends SignatureVerifier {
  readonly accessKeyId: string;
  readonly securityToken: string | undefined;
  /** When the request says it was signed, in milliseconds since the Unix epoch. */
  readonly timestamp: number;
  /** What an outdated timestamp is answered with. */
  readonly expiredCode: ErrorCode;
  /** `undefined` where the protocol has none and every call it offers may be repeated without effect. */
  readonly nonce: string | undefined;
  /** Told to a caller whose signature does not match: the server's string to sign, or a digest of it. */
  readonly mismatchMessage: string;
}

/** What a request asks for, in the terms of the action table. */
export interface ApiCall {
  readonly protocol: string;
  /** API version, such as `2016-01-20`; it tells the product. */
  readonly version: string;
  readonly action: string;
  readonly answers: AnswerEncoder;
  readonly parameters: Record<string, unknown>;
  /** Absent when the request is not signed. */
  readonly proof?: Proof;
}

/** One way to write requests and answers. */
export interface Protocol {
  readonly name: string;
  /** Whether the request is written in this protocol. Looks at what cannot be mistaken for another one. */
  readonly recognizes: (request: WireRequest) => boolean;
  /** How to answer a request that `parse` refused. Never throws. */
  readonly answersFor: (request: WireRequest) => AnswerEncoder;
  /** Throws ApiError of the codes that the RPC gateway has for malformed requests. */
  readonly parse: (request: WireRequest) => ApiCall;
}
