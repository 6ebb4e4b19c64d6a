/** What a Next.js project says about a build of itself; gathered in the project, sent with the deploy, shown with the release (DESIGN §5). */
import { z } from 'zod';
import { LIMITS } from './limits.ts';
import { portSchema } from './names.ts';
import { PATTERNS } from './rules.ts';

const word = (max: number) => z.string().min(1).max(max).regex(PATTERNS.printable, PATTERNS.printable_message);
const routeList = z.array(word(1024)).max(LIMITS.nextcore_routes_max);

export const nextCoreMetadataSchema = z
  .strictObject({
    next_version: word(64),
    /** `output` of next.config: what the image was made of. */
    output: z.enum(['standalone', 'export', 'default']),
    build_id: word(128),
    deployment_id: word(128).optional(),
    routes: z
      .strictObject({
        static: routeList.default([]),
        dynamic: routeList.default([]),
        isr: routeList.default([]),
        middleware: z.boolean().default(false),
      })
      .prefault({}),
    /** Names of the NEXT_PUBLIC_ variables that were baked into the build; never values. */
    public_env: z
      .array(z.string().max(LIMITS.env_name_length_max).regex(PATTERNS.env_name, 'use names of variables, without values'))
      .max(LIMITS.env_entries_max)
      .default([]),
    node_version: word(64).optional(),
    package_manager: word(64).optional(),
    git: z
      .strictObject({
        commit: z.string().regex(/^[0-9a-f]{7,64}$/, 'use 7 to 64 hexadecimal digits'),
        branch: word(256).optional(),
        is_dirty: z.boolean().optional(),
      })
      .optional(),
    /** Where the image holds `/_next/static`, an absolute path. */
    static_directory: z.string().max(1024).regex(PATTERNS.container_path, PATTERNS.container_path_message).optional(),
    /** Suggested to the deploy: used where its request says nothing. */
    health_path: z.string().max(1024).regex(PATTERNS.health_path, 'use an absolute path such as /api/health').optional(),
    port: portSchema.optional(),
  })
  .meta({ id: 'NextCoreMetadata' });
export type NextCoreMetadata = z.infer<typeof nextCoreMetadataSchema>;
