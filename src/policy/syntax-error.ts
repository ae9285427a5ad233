/** Something in a policy document that is refused; `path` is the offending element, such as `Statement[1].Action[0]`. */
export class PolicySyntaxError extends Error {
  readonly path: string;

  constructor(path: string, message: string) {
    super(message);
    this.name = 'PolicySyntaxError';
    this.path = path;
  }
}
