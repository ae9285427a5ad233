import { execPlaces, volumeNames } from '../layout.ts';
import type { VolumeMount } from '../pod.ts';
import type { Wrapped } from '../variables.ts';

/** The program that sets variables and becomes the application, as the application's container sees it. */
export const wrapperEntryPoint: string = `${execPlaces.mountPath}/${execPlaces.program}`;

const prefix: readonly string[] = [
  wrapperEntryPoint,
  'exec',
  '--environ',
  `${execPlaces.mountPath}/${execPlaces.environ}`,
  '--',
];

/** The command that sets the variables and then runs the container's own: same process, same signals, same arguments. */
export function wrappedCommand({ command }: Wrapped): string[] {
  return [...prefix, ...command];
}

/** What a wrapped command runs; undefined for a command that is not wrapped. */
export function unwrapped(command: readonly string[]): string[] | undefined {
  return prefix.every((part, index) => command[index] === part) ? command.slice(prefix.length) : undefined;
}

/** Where the container finds the program and its variables, and those of no other container. */
export function wrapperMount({ folder }: Wrapped): VolumeMount {
  return { name: volumeNames.exec, mountPath: execPlaces.mountPath, subPath: folder, readOnly: true };
}
