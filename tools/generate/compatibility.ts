// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { unsupportedActions } from '../../src/kms/actions/account/unsupported.ts';
import { createKmsActions } from '../../src/kms/actions.ts';
import { KeyUses } from '../../src/kms/key-uses.ts';
import { refusalOf } from '../../src/kms/parameters.ts';
import { SecretConsumers } from '../../src/kms/secret-consumers.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { AnyAction } from '../../src/ports/action.ts';
import { MemoryStore } from '../../src/storage/memory-store.ts';
import { generatedFrom, type Artifact } from './artifact.ts';
import { differences, parameterDifferences } from './compatibility-notes.ts';
import { documentedActions, type DocumentedAction } from './documented-actions.ts';

/** `own` is Kaap's, and nobody documents it. */
export type CompatibilityStatus = 'full' | 'partial' | 'refused' | 'own';

/** What a documented action, or one of its parameters, is here. */
export interface CompatibilityRow {
  readonly action: string;
  /** Absent in the row of the action itself. */
  readonly parameter?: string;
  readonly status: CompatibilityStatus;
  /** What differs, or why it is refused. Empty for `full`. */
  readonly note: string;
}

/** The action table as the server has it, for reading only. */
export function actionTable(): ReadonlyMap<string, AnyAction> {
  const store = new MemoryStore();
  const home = { region: 'local', accountId: '1000000000000000' };
  const actions = createKmsActions({
    ...home,
    store,
    uses: new KeyUses(store),
    consumers: new SecretConsumers({ ...home, store }),
    ownChanges: { note: () => undefined },
    providers: {},
    clock: systemClock,
    random: randomBytes,
    instances: [],
  });
  return new Map(actions.map((action) => [action.name, action]));
}

/** A row for every action that is documented or in the table, followed by one for each of its parameters. */
export function compatibilityRows(): CompatibilityRow[] {
  const table = actionTable();
  const documented = new Set(documentedActions.map(({ name }) => name));
  const own = [...table.keys()].filter((name) => !documented.has(name));
  return [
    ...documentedActions.flatMap((action) => rowsOf(action, table.get(action.name))),
    ...own.map((action): CompatibilityRow => ({ action, status: 'own', note: ownNote })),
  ];
}

const ownNote = 'Of Kaap’s own.';

function rowsOf({ name: action, parameters }: DocumentedAction, row: AnyAction | undefined): CompatibilityRow[] {
  const note = row === undefined ? '' : unsupportedActions.get(action);
  if (row === undefined || note !== undefined) {
    const withAction = parameters.map((parameter): CompatibilityRow => {
      return { action, parameter, status: 'refused', note: 'With the action.' };
    });
    return [{ action, status: 'refused', note: note ?? '' }, ...withAction];
  }
  const shape = shapeOf(row);
  const read = parameters.map((parameter) => parameterRow(action, parameter, shape[parameter]));
  const own = Object.keys(shape)
    .filter((parameter) => !parameters.includes(parameter) && !common.has(parameter))
    .map((parameter): CompatibilityRow => ({ action, parameter, status: 'own', note: ownNote }));
  const difference = differences[action] ?? '';
  const isFull = difference === '' && read.every(({ status }) => status === 'full');
  return [
    { action, status: isFull ? 'full' : 'partial', note: isFull ? '' : difference || 'As its parameters say.' },
    ...read,
    ...own,
  ];
}

/** What the gateway reads for every action. */
const common: ReadonlySet<string> = new Set(['DryRun', 'RegionId']);

/** The note of a parameter that no schema knows: nobody may leave it so. */
export const passedOver = 'Not read.';

function parameterRow(action: string, parameter: string, schema: z.ZodType | undefined): CompatibilityRow {
  const refusal = schema === undefined ? undefined : refusalOf(schema);
  if (refusal !== undefined) return { action, parameter, status: 'refused', note: sentence(refusal) };
  const note = parameterDifferences[`${action}.${parameter}`] ?? '';
  if (note !== '') return { action, parameter, status: 'partial', note };
  if (schema !== undefined || common.has(parameter)) return { action, parameter, status: 'full', note };
  return { action, parameter, status: 'partial', note: passedOver };
}

function sentence(clause: string): string {
  return `${clause.slice(0, 1).toUpperCase()}${clause.slice(1)}.`;
}

function shapeOf(action: AnyAction): Readonly<Record<string, z.ZodType>> {
  if (!(action.input instanceof z.ZodObject))
    throw new Error(`${action.name} does not tell which parameters it reads.`);
  return action.input.shape;
}

const introduction = `# Compatibility with Alibaba Cloud KMS

<!-- ${generatedFrom('the action table and tools/generate/compatibility-notes.ts')} -->

Every action of KMS 2016-01-20 that Alibaba Cloud documents or that one of its SDKs has.

- **full**: as documented. \`RegionId\` is accepted and means nothing. An action is full when all its parameters are.
- **partial**: it is there, and differs as said.
- **refused**: an action answers \`UnsupportedOperation\` (400); a parameter, \`InvalidParameter\` (400) unless it is left out or empty. Never a silent success.
- **own**: Kaap has it, and nobody documents it.

\`DryRun\` works on every action, also on those that are documented without it. The call is carried out on a state that is thrown away:
\`DryRunOperationError\` says that it would have succeeded, and any other code is the one that it would have failed with, such as
\`InvalidParameter\` or \`Forbidden.NoPermission\` where Alibaba's reference speaks of ValidationError and AccessDeniedError. Keys in an
HSM or with their owner are really used, and what they answer is dropped; no key is made or destroyed there, and no rotation hook is called.

The SDKs of \`test/interop\` prove it, unmodified: for JavaScript, Go, Python and Java, through RPC V1, ACS3 and the protobuf protocol of KMS
instances, which serves every API of its own: symmetric and asymmetric keys, MACs, digests, data keys, key pairs, random bytes and secrets.
`;

/** The reference page of what is compatible. */
export function compatibilityArtifacts(): Artifact[] {
  const rows = compatibilityRows();
  const content = [
    introduction,
    countsOf(
      'actions',
      rows.filter(({ parameter }) => parameter === undefined),
    ),
    countsOf(
      'parameters',
      rows.filter(({ parameter }) => parameter !== undefined),
    ),
    '',
    '| Action | Parameter | | |',
    '|---|---|---|---|',
    ...rows.map(lineOf),
    '',
  ].join('\n');
  return [{ path: 'docs/reference/compatibility.md', content }];
}

function countsOf(things: string, rows: readonly CompatibilityRow[]): string {
  const counts = (['full', 'partial', 'refused', 'own'] as const).map(
    (status) => `${rows.filter((row) => row.status === status).length} ${status}`,
  );
  return `Of ${rows.length} ${things}: ${counts.join(', ')}.`;
}

function lineOf({ action, parameter, status, note }: CompatibilityRow): string {
  return `| ${parameter === undefined ? `**${action}**` : action} | ${parameter ?? ''} | ${status} | ${note} |`;
}
