/** A number from the environment, such as `BENCH_ROUNDS`. */
export function setting(name: string, otherwise: number): number {
  return Number(process.env[name] ?? otherwise);
}
