import { ApiError } from '../lib/errors.ts';
import { policyKinds, type PolicyKind } from './policy-kinds.ts';
import { parseStatement, type PolicyStatement } from './statement.ts';
import { PolicySyntaxError } from './syntax-error.ts';
import { parseStrictJson, StrictJsonError, type JsonValue } from './strict-json.ts';

/** A parsed policy document. */
export interface PolicyDocument {
  readonly statements: readonly PolicyStatement[];
}

/** A policy document that is refused. `path` is the offending element, such as `Statement[1].Condition.IpAddress`. */
export class PolicyDocumentError extends ApiError {
  /** Empty when the text as a whole is meant. */
  readonly path: string;
  /** Whether the document is too long, rather than wrong. */
  readonly tooLong: boolean;

  constructor(path: string, reason: string, tooLong = false) {
    super('InvalidPolicyDocument', `The policy document is not valid${path === '' ? '' : ` at ${path}`}: ${reason}.`);
    this.name = 'PolicyDocumentError';
    this.path = path;
    this.tooLong = tooLong;
  }
}

/**
 * Parses a RAM policy document (Version "1") and refuses what Kaap would not enforce as it reads: unknown elements,
 * operators and condition keys, policy variables, names that can match nothing.
 *
 * @throws PolicyDocumentError `InvalidPolicyDocument`.
 */
export function parsePolicyDocument(text: string, kind: PolicyKind): PolicyDocument {
  const { maxBytes } = policyKinds[kind];
  // A character is at least one byte, so a huge text is refused before its bytes are counted.
  if (text.length > maxBytes || Buffer.byteLength(text) > maxBytes) {
    throw new PolicyDocumentError('', `it is longer than ${maxBytes} bytes`, true);
  }
  try {
    return toDocument(parseStrictJson(text), kind);
  } catch (error) {
    if (error instanceof PolicySyntaxError || error instanceof StrictJsonError) {
      throw new PolicyDocumentError(error.path, error.message);
    }
    throw error;
  }
}

function toDocument(value: JsonValue, kind: PolicyKind): PolicyDocument {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new PolicySyntaxError('', 'write a JSON object with Version and Statement');
  }
  for (const name of Object.keys(value)) {
    if (name !== 'Version' && name !== 'Statement') throw new PolicySyntaxError(name, 'there is no such element');
  }
  const { Version: version, Statement: statements } = value as Record<string, JsonValue>;
  if (version !== '1') throw new PolicySyntaxError('Version', 'write "1"');
  if (!Array.isArray(statements) || statements.length === 0) {
    throw new PolicySyntaxError('Statement', 'write a list of at least one statement');
  }
  return { statements: statements.map((statement, index) => parseStatement(statement, `Statement[${index}]`, kind)) };
}
