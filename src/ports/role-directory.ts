/** A role of RAM, as STS needs it. */
export interface RoleEntry {
  readonly name: string;
  /** Changes when a role is deleted and made anew, so that sessions of the old one end. */
  readonly roleId: string;
  /** Policy document that says who may assume the role. JSON text. */
  readonly trustPolicy: string;
  readonly maxSessionSeconds: number;
}

/** What STS asks about roles. Implemented by RAM. */
export interface RoleDirectory {
  findRole(name: string): Promise<RoleEntry | undefined>;
}
