/** What the program `age` 1.1.1 of Debian wrote, from one .env file. */

/** Of `age-keygen`. */
export const AGE_IDENTITY = 'AGE-SECRET-KEY-1QXVXKWTAEXJ6NF3P5TEGRM926L96EVNPLWR9SNQFAPFJ2F5CKYXQTP20PZ';
/** Of another `age-keygen`. */
export const OTHER_IDENTITY = 'AGE-SECRET-KEY-1PL6K253YRXV7REQF67WFWMV9YLLFGGDF8G7HTS7UXSXZ3H8W7TAQEKDYRH';

export const AGE_PLAIN = `DB_URL=postgres://shop:needle-age@db/shop
export TOKEN="two words"
# a comment
LINES="one
two"
`;
export const AGE_VALUES = { DB_URL: 'postgres://shop:needle-age@db/shop', TOKEN: 'two words', LINES: 'one\ntwo' };

/** Of `age --recipient`. */
export const AGE_BINARY = Buffer.from(
  'YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSB6Q1pkWlNkd3ZGMXVPZUUyZmw1MEtpV1lyaDRtYjYwdUlnNVgzRytvWEFBClN6MmEvWTZHa1hpR1k4ZjNzRmFTTFZMN2hHb0Z4OStOWVUzSmxhdlY1WlkKLS0tIDEvNXFoR2tnQy93MVZmQ21ld2xYeDZSMnZxNlJ4SWk2U1IrRWJpRG9iVWcKpD3duAwEQjzOl1U+lAa4LiUbrn0b5S0OoFydv5kuUQEBNPcst+8GRFm9/PpbBhNEfGjGQu5o3EQW6pXCtndCKou20k9RlKEnfzFuPOdnk0mKrHsaxxDDPTbFWIEIRBjXnEaVWvmMFjkB9nrvtjTw+rh/QM35lOiRMzR32dgjNg==',
  'base64',
);

/** Of `age --armor --recipient`. */
export const AGE_ARMORED = `-----BEGIN AGE ENCRYPTED FILE-----
YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBkekRTZkEvdkMwKy9WWEM4
MGYxQW1leGxnRGltazdNMG1EWTI3cEJPVFQ0CkI2SU84N2pyK2txalE3T2tvU045
SkxiMXB4THZ3a3RTSS9TY2ROeFhWZVUKLS0tIE4raDh1VXhlVlVMMHMzU0UyOGln
Uys4czE2b2tCajR3Rk9oVkxPR1p0MVkKyyWCpUor4HDCeEd1mIPQz2s4ykfgQTx/
d3opteUJVUkqKhZzMyqgadPqCgA7VMR7kSzeJTRgjAUsQkvpTnYdqMgdg/gsR3da
QLtTTv5QSkCWtxhrjRpkvGc6dYk22tWZ/ibMIjAqJ1yzvx/3yHDlW91AsrqCzj/K
ob+t1pQrEg==
-----END AGE ENCRYPTED FILE-----
`;

/** Of `age --passphrase`. */
export const AGE_FOR_A_PASSPHRASE = Buffer.from(
  'YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCBHV1hMU1djMlJraGpFNVFTRWZGS1F3IDE4Ck9vNGRKK2lvUW1rTlNsRDdIZVFTTHhaZGZhWFcrRDUzWCt0ZXpLaGQ4bEUKLS0tIEw1ck9ocnUwLzRQTGM3bXphN0ZqTlFFa2NhOFhIVm1KMWtuMGVsWDJCWGMKiOlBvM6Fmss+N+U9TyV7Nbc62THxc4RSp0YLdzJeJdzN7OxT4uauMMDzGOqq/AQSqykZEGfSBPWCxSQOlkt0tzVO7zDkVSmeXz/XGDvIIOrZEZqKduteBsCBVV8FQ2dPFfS6kTLv/4TjKfkOUdSX91wSXvw4cGfRG0wIlbGHHg==',
  'base64',
);
