import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { open, statfs } from 'node:fs/promises';
import { join } from 'node:path';

/** A file system of a test's own, small enough to be filled. Only root may mount one. */
export class SmallDisk {
  readonly path: string;

  constructor(path: string, mebibytes: number) {
    this.path = path;
    mkdirSync(path);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0700`, 'kaap-test', path]);
  }

  /** Writes until not a byte is left. Gives the file whose removal gives the space back. */
  async fill(): Promise<string> {
    const path = join(this.path, 'filler');
    const file = await open(path, 'a');
    try {
      for (const size of [2 ** 20, 65_536, 4096, 1]) {
        for (let took = size; took === size;) {
          took = (await file.write(Buffer.alloc(size, 1)).catch(() => ({ bytesWritten: 0 }))).bytesWritten;
        }
      }
    } finally {
      await file.close();
    }
    const { bfree } = await statfs(this.path);
    if (bfree !== 0) throw new Error(`${bfree} blocks are left on a disk that was filled`);
    return path;
  }

  unmount(): void {
    execFileSync('umount', [this.path]);
  }
}
