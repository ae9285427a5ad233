/** A map of text to text; travels as JSON text. */
export type StringMap = Readonly<Record<string, string>>;

/** The answer of an action that only acknowledges. */
export type Nothing = object;

/** Input and output of one action, spelled as the API spells them. */
export interface Operation<Input, Output> {
  input: Input;
  /** Besides these, every answer has a RequestId. Fields without a value may be empty text or absent. */
  output: Output & { RequestId: string };
}
