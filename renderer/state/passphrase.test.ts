import { expect, it } from 'vitest';
import { passphraseErrors, strengthOf } from './passphrase.ts';

it('tells weak passphrases from strong ones, as far as that can be seen', () => {
  const weak = ['aaaaaaaaaaaaaaaa', 'password password password', '123412341234', 'correct horse battery'];
  const strong = ['ocelot brisk tundra vowel lantern quartz', 'kX9#mQ2$vL7!pR4z', 'maze-orbit-plume-swift-tiger-ember'];
  expect(weak.map((each) => strengthOf(each).strength)).toEqual(weak.map(() => 'weak'));
  expect(strong.map((each) => strengthOf(each).strength)).toEqual(strong.map(() => 'strong'));
  expect(strengthOf('ocelot brisk tundra vowel lantern').strength).toBe('fair');
  expect(strengthOf('').strength).toBe('none');
});

it('wants a passphrase twice, and says what is wrong without it', () => {
  expect(passphraseErrors('hunter2', 'hunter2')).toEqual({ passphrase: expect.stringContaining('at least 12') });
  expect(passphraseErrors('ocelot brisk tundra', 'ocelot brisk')).toEqual({ again: 'It differs from the one above' });
  expect(passphraseErrors('ocelot brisk tundra', 'ocelot brisk tundra')).toBeNull();
});
