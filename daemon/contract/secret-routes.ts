/** The part of the table of REST endpoints that is about secrets. */
import { z } from 'zod';
import { noParams, noQuery, nothing, route } from './route.ts';
import {
  keyRotatedSchema,
  secretRemovalQuerySchema,
  secretSchema,
  secretsChangedSchema,
  secretsListQuerySchema,
  secretsSyncRequestSchema,
} from './secrets.ts';

export const secretRoutes = {
  syncSecrets: route({
    method: 'POST',
    path: '/secrets/sync',
    kind: 'change',
    role: 'operator',
    apps: 'named',
    summary: 'Set secrets of a scope; those that are not named stay, or go with mode replace.',
    params: noParams,
    query: noQuery,
    body: secretsSyncRequestSchema,
    response: secretsChangedSchema,
  }),
  listSecrets: route({
    method: 'GET',
    path: '/secrets',
    kind: 'read',
    role: 'operator',
    apps: 'filtered',
    summary: 'List secrets with their versions and fingerprints, never their values.',
    params: noParams,
    query: secretsListQuerySchema,
    body: nothing,
    response: z.array(secretSchema),
  }),
  removeSecret: route({
    method: 'DELETE',
    path: '/secrets',
    kind: 'change',
    role: 'operator',
    apps: 'named',
    summary: 'Remove a secret of a scope; releases that run with it keep its value as long as they can serve.',
    params: noParams,
    query: secretRemovalQuerySchema,
    body: nothing,
    response: secretsChangedSchema,
  }),
  rotateSecretsKey: route({
    method: 'POST',
    path: '/secrets/rotate-key',
    kind: 'change',
    role: 'admin',
    apps: 'never',
    summary: 'Take a new master key, and seal everything with it anew.',
    params: noParams,
    query: noQuery,
    body: nothing,
    response: keyRotatedSchema,
  }),
};
