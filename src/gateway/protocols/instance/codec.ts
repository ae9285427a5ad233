import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** How a field is written. Bytes are `Uint8Array`, int32 is number; absent fields have their type's zero (proto3). */
export type FieldType = 'string' | 'bytes' | 'int32' | 'bool' | 'strings';

/** Fields of a message by number. */
export type MessageFields = Readonly<Record<number, readonly [name: string, type: FieldType]>>;

/** The bytes are not a message of that shape. */
export class MessageError extends Error {
  constructor() {
    super('The body is not a message of this API.');
    this.name = 'MessageError';
  }
}

interface FieldCodec {
  readonly wireType: WireType;
  readonly zero: () => unknown;
  readonly read: (reader: BinaryReader, before: unknown) => unknown;
  readonly write: (writer: BinaryWriter, number: number, value: unknown) => void;
}

const codecs: Readonly<Record<FieldType, FieldCodec>> = {
  string: {
    wireType: WireType.LengthDelimited,
    zero: () => '',
    read: (reader) => reader.string(true),
    write: (writer, number, value) => writer.tag(number, WireType.LengthDelimited).string(value as string),
  },
  bytes: {
    wireType: WireType.LengthDelimited,
    zero: () => new Uint8Array(),
    read: (reader) => reader.bytes(),
    write: (writer, number, value) => writer.tag(number, WireType.LengthDelimited).bytes(value as Uint8Array),
  },
  int32: {
    wireType: WireType.Varint,
    zero: () => 0,
    read: (reader) => reader.int32(),
    write: (writer, number, value) => writer.tag(number, WireType.Varint).int32(value as number),
  },
  bool: {
    wireType: WireType.Varint,
    zero: () => false,
    read: (reader) => reader.bool(),
    write: (writer, number, value) => writer.tag(number, WireType.Varint).bool(value as boolean),
  },
  strings: {
    wireType: WireType.LengthDelimited,
    zero: () => [],
    read: (reader, before) => [...(before as string[]), reader.string(true)],
    write: (writer, number, value) => {
      for (const item of value as readonly string[]) writer.tag(number, WireType.LengthDelimited).string(item);
    },
  },
};

/** Most fields of a message, known or not: every one of these APIs has fewer than twenty. */
const maxFieldCount = 1000;

function isZero(value: unknown): boolean {
  return (
    value === undefined || value === '' || value === 0 || value === false || (value as { length?: number }).length === 0
  );
}

function readFields(fields: MessageFields, reader: BinaryReader, message: Record<string, unknown>): void {
  for (let count = 0; reader.pos < reader.len; count += 1) {
    if (count >= maxFieldCount) throw new MessageError();
    const [number, wireType] = reader.tag();
    // Groups nest without bound, and proto3 has none.
    if (wireType === WireType.StartGroup || wireType === WireType.EndGroup) throw new MessageError();
    const field = fields[number];
    if (field === undefined) {
      reader.skip(wireType, number);
      continue;
    }
    const [name, type] = field;
    if (codecs[type].wireType !== wireType) throw new MessageError();
    message[name] = codecs[type].read(reader, message[name]);
  }
}

/** Reads a proto3 message. Unknown fields are skipped. Throws {@link MessageError} when it is malformed. */
export function decodeMessage(fields: MessageFields, bytes: Uint8Array): Record<string, unknown> {
  const message = Object.create(null) as Record<string, unknown>;
  for (const [name, type] of Object.values(fields)) message[name] = codecs[type].zero();
  try {
    readFields(fields, new BinaryReader(bytes), message);
    return message;
  } catch {
    throw new MessageError();
  }
}

/** Writes a proto3 message: fields of `message` that the table has, in ascending order, without those that are zero. */
export function encodeMessage(fields: MessageFields, message: Readonly<Record<string, unknown>>): Uint8Array {
  const writer = new BinaryWriter();
  for (const [number, [name, type]] of Object.entries(fields)) {
    const value = message[name];
    if (!isZero(value)) codecs[type].write(writer, Number(number), value);
  }
  return writer.finish();
}
