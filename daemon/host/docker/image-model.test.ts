import { describe, expect, it } from 'vitest';
import { hasDigest, namesOf } from './image-model.ts';

const digest = (digit: string) => `sha256:${digit.repeat(64)}`;

describe('namesOf', () => {
  it('tells the names that go with references from those of others, digests by their repository', () => {
    const image = {
      RepoTags: ['shop:v1', 'r.test/shop:v1', 'other:v1'],
      RepoDigests: [`shop@${digest('1')}`, `r.test/shop@${digest('2')}`, `other@${digest('3')}`],
    };
    expect(namesOf(image, ['docker.io/library/shop:v1', `r.test/shop:v1@${digest('2')}`])).toEqual({
      ours: ['shop:v1', 'r.test/shop:v1', `shop@${digest('1')}`, `r.test/shop@${digest('2')}`],
      others: ['other:v1', `other@${digest('3')}`],
    });
  });

  it('finds no name on an image without names', () => {
    const nothing = { ours: [], others: [] };
    expect(namesOf({ RepoTags: ['<none>:<none>'], RepoDigests: ['<none>@<none>'] }, ['shop:v1'])).toEqual(nothing);
    expect(namesOf({ RepoTags: null }, ['shop:v1'])).toEqual(nothing);
  });
});

describe('hasDigest', () => {
  const image = { Id: digest('a'), RepoDigests: [`shop@${digest('1')}`], Size: 1, Created: '', Architecture: '', Os: '' };

  it("takes the image's own id, and what its registry calls it, under that name alone", () => {
    expect(hasDigest(image, `shop:v1@${digest('a')}`)).toBe(true);
    expect(hasDigest(image, `docker.io/library/shop@${digest('1')}`)).toBe(true);
    expect(hasDigest(image, `other@${digest('1')}`)).toBe(false);
    expect(hasDigest(image, `shop@${digest('2')}`)).toBe(false);
  });
});
