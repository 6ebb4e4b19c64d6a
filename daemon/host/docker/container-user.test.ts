import { expect, it } from 'vitest';
import { findUserId } from './container-user.ts';

const PASSWD = 'root:x:0:0:root:/root:/bin/bash\nnode:x:1000:1000::/home/node:/bin/bash\nbroken\nodd:x:-1:1::/:/bin/sh\n\n';

it.each([
  ['root', 0],
  ['node', 1000],
  ['nod', null],
  ['broken', null],
  ['odd', null],
  ['', null],
])('the id of %j is %j', (user, uid) => {
  expect(findUserId(PASSWD, user)).toBe(uid);
});
