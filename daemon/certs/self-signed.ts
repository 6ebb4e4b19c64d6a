/**
 * A certificate that stands where a real one is on its way: a proxy does not start without one. Browsers refuse it. Written in DER here
 * (RFC 5280 §4.1, X.690), because a host need not have OpenSSL's program.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { Pair } from './ports.ts';

/** The organisation in it, by which it is known. */
export const PLACEHOLDER_ISSUER = 'NextDeploy placeholder';
const DAY_MS = 86_400_000;
/** One that stands for years is no worse than one that has expired: either is refused. */
const LIFETIME_MS = 3_650 * DAY_MS;

const OID = {
  organization: '060355040a',
  alternative_name: '0603551d11',
  ecdsa_with_sha256: '06082a8648ce3d040302',
};

/** Valid for this name alone, on P-256. */
export function selfSigned(domain: string, now: Date): Pair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = sequence(tlv(0x31, sequence(hex(OID.organization), tlv(0x0c, Buffer.from(PLACEHOLDER_ISSUER)))));
  const algorithm = sequence(hex(OID.ecdsa_with_sha256));
  // [2] IMPLICIT IA5String: a DNS name.
  const names = sequence(tlv(0x82, Buffer.from(domain, 'ascii')));
  const extension = sequence(hex(OID.alternative_name), tlv(0x04, names));
  const content = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, Buffer.concat([Buffer.from([0x4e]), randomBytes(15)])),
    algorithm,
    name,
    sequence(time(new Date(now.getTime() - DAY_MS)), time(new Date(now.getTime() + LIFETIME_MS))),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(extension)),
  );
  const signature = sign('sha256', content, privateKey);
  const whole = sequence(content, algorithm, tlv(0x03, Buffer.from([0]), signature));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  const certificate = `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
  return { certificate, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

const hex = (digits: string) => Buffer.from(digits, 'hex');
const sequence = (...parts: Buffer[]) => tlv(0x30, ...parts);
/** GeneralizedTime; a certificate's must have seconds and no fraction. */
const time = (at: Date) => tlv(0x18, Buffer.from(`${at.toISOString().replace(/[-:T]|\.\d+Z$/g, '')}Z`, 'ascii'));

function tlv(tag: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const size = body.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}
