import { describe, expect, it } from 'vitest';
import { isNamedBy, parseReference, tagName } from './image-names.ts';

const digest = `sha256:${'0'.repeat(64)}`;

describe('parseReference', () => {
  it.each([
    ['shop', { host: 'docker.io', repository: 'shop', tag: 'latest', digest: null }],
    ['docker.io/library/shop:v1', { host: 'docker.io', repository: 'shop', tag: 'v1', digest: null }],
    ['index.docker.io/acme/shop', { host: 'docker.io', repository: 'acme/shop', tag: 'latest', digest: null }],
    ['acme/shop:1.4', { host: 'docker.io', repository: 'acme/shop', tag: '1.4', digest: null }],
    ['localhost/shop', { host: 'localhost', repository: 'localhost/shop', tag: 'latest', digest: null }],
    ['ghcr.io/acme/shop', { host: 'ghcr.io', repository: 'ghcr.io/acme/shop', tag: 'latest', digest: null }],
    ['127.0.0.1:5000/a/b/c:v1', { host: '127.0.0.1:5000', repository: '127.0.0.1:5000/a/b/c', tag: 'v1', digest: null }],
    ['r:5000/shop', { host: 'r:5000', repository: 'r:5000/shop', tag: 'latest', digest: null }],
    [`shop@${digest}`, { host: 'docker.io', repository: 'shop', tag: null, digest }],
    [`r.test/shop:v1@${digest}`, { host: 'r.test', repository: 'r.test/shop', tag: 'v1', digest }],
  ])('reads %s as Docker does', (reference, expected) => {
    expect(parseReference(reference)).toEqual(expected);
  });
});

describe('tagName', () => {
  it('is one name for whatever means the same image, and none for a digest alone', () => {
    expect(['shop', 'docker.io/library/shop', `shop:latest@${digest}`].map((name) => tagName(parseReference(name)))).toEqual(
      Array.from({ length: 3 }, () => 'shop:latest'),
    );
    expect(tagName(parseReference(`shop@${digest}`))).toBeNull();
  });
});

describe('isNamedBy', () => {
  it.each([
    ['shop:latest', 'docker.io/library/shop', true],
    ['acme/shop:v1', 'index.docker.io/acme/shop:v1', true],
    ['shop:v1', `shop:v1@${digest}`, true],
    [`r.test/shop@${digest}`, 'r.test/shop:v1', true],
    [`r.test/shop@${digest}`, `r.test/shop@${digest}`, true],
    ['shop:v2', 'shop:v1', false],
    ['acme/shop:v1', 'shop:v1', false],
    ['shop:v1', `shop@${digest}`, false],
    [`other@${digest}`, 'shop:v1', false],
  ])('%s, which Docker lists, is there because of %s: %s', (listed, reference, isOurs) => {
    expect(isNamedBy(listed, reference)).toBe(isOurs);
  });
});
