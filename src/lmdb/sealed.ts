/** Sealed: values as msgpack behind a checksum of them and of their key. Values of former versions have none. */
import { crc32 } from 'node:zlib'
import { Packr } from 'msgpackr'
import type { RollcallError } from '../errors.ts'

/** No value of msgpack begins with its first byte, and none that we keep goes on with the others. */
const FRAME = Buffer.from([0xc1, 0x52, 0x43, 0x31])
const CHECKSUM_AT = FRAME.length
const BODY_AT = CHECKSUM_AT + 4
/** An option of msgpackr: what is packed is in a buffer of its own, from `start` to `end`, until it packs again. */
export const IN_PLACE = 512

/** Answers so many bytes, which hold anything. */
type Take = (bytes: number) => Buffer

export interface Seals {
  /** In bytes of its own, or in such as `take` answers. */
  seal(key: string | Buffer, value: unknown, take?: Take): Buffer
  /** The value; throws what `damage` answers if that, or the key, is not as it was written. */
  open<T>(key: string | Buffer, bytes: Buffer, damage: () => RollcallError): T
}

/** `useRecords` as in msgpackr; a value is opened as it was sealed. */
export function seals(useRecords: boolean): Seals {
  const packr = new Packr({ useRecords, copyBuffers: true })
  return {
    seal(key, value, take) {
      const packed = packr.pack(value, IN_PLACE) as Buffer & { start: number; end: number }
      const { start, end } = packed
      return sealedBytes(key, end - start, body => void packed.copy(body, 0, start, end), take)
    },
    open<T>(key: string | Buffer, bytes: Buffer, damage: () => RollcallError): T {
      return unpacked(packr, isSealed(bytes) ? bytesIn(key, bytes, damage) : bytes, damage)
    },
  }
}

/** Bytes that `fill` writes, sealed. */
export function sealedBytes(
  key: string | Buffer,
  length: number,
  fill: (body: Buffer) => void,
  take: Take = Buffer.allocUnsafe,
): Buffer {
  const bytes = take(BODY_AT + length)
  const body = bytes.subarray(BODY_AT)
  FRAME.copy(bytes)
  fill(body)
  bytes.writeUInt32BE(crc32(body, crc32(key)), CHECKSUM_AT)
  return bytes
}

/** The bytes that were sealed, where they are. */
export function bytesIn(key: string | Buffer, bytes: Buffer, damage: () => RollcallError): Buffer {
  // Bytes that lie where LMDB read them are fewer than the buffer that they are in has.
  const body = bytes.subarray(BODY_AT, bytes.length)
  const isFramed = bytes.length >= BODY_AT && FRAME.equals(bytes.subarray(0, CHECKSUM_AT))
  if (!isFramed || crc32(body, crc32(key)) !== bytes.readUInt32BE(CHECKSUM_AT)) throw damage()
  return body
}

/** A frame with another byte than was written is still known by the rest of it. */
const isSealed = (bytes: Buffer): boolean =>
  bytes[0] === FRAME[0] || (bytes[1] === FRAME[1] && bytes[2] === FRAME[2] && bytes[3] === FRAME[3])

function unpacked<T>(packr: Packr, bytes: Buffer, damage: () => RollcallError): T {
  try {
    return packr.unpack(bytes)
  } catch {
    throw damage()
  }
}
