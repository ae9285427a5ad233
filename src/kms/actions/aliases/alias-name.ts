import type { z } from 'zod';
import { isCanonicalRelativeId } from '../../../policy/arn.ts';
import { text } from '../../parameters.ts';

const allowed =
  'alias/ and 1 to 249 letters, digits or _/+=.@-, without empty, "." or ".." segments, and not begin with alias/acs';

/** `AliasName`: 1 to 255 characters with its `alias/`. Names that begin with `alias/acs` belong to cloud services. */
export function aliasName(): z.ZodType<string> {
  return text({ max: 255, pattern: /^alias\/(?!acs)./, allowed }).refine(
    (name) => isCanonicalRelativeId(name),
    `It must be ${allowed}.`,
  );
}
