// A device in another language: Oblivious HTTP (RFC 9458, and in chunks draft-ietf-ohai-chunked-ohttp-08) over somebody else's HPKE,
// ML-KEM, X25519 and AEADs.
//
// node device.mjs FOLDER    FOLDER holds node_modules with the packages of package-lock.json.
// Speaks in lines of JSON; bytes are hexadecimal:
//   in  {"key_configs":..,"kem":..,"aead":..,"plaintext":..}     out {"request":..}
//   in  {"response":..}                                          out {"plaintext":..}
// With "chunks", a list of plaintexts, in place of "plaintext", all of it is in chunks and the answer has "chunks" too.
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const load = (name) => import(pathToFileURL(join(process.argv[2], "node_modules", name, "index.js")));
const HPKE = await load("hpke");
const noble = await load("@panva/hpke-noble");

const KEMS = { 0x0020: noble.KEM_DHKEM_X25519_HKDF_SHA256, 0x647a: noble.KEM_MLKEM768_X25519 };
const AEADS = { 1: noble.AEAD_AES_128_GCM, 3: noble.AEAD_ChaCha20Poly1305 };
const KEY_LENGTHS = { 1: 16, 3: 32 };
const PUBLIC_KEY_LENGTHS = { 0x0020: 32, 0x647a: 1216 };

const ascii = (text) => new TextEncoder().encode(text);
const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (data) => Buffer.from(data).toString("hex");
const concat = (...parts) => Uint8Array.from(Buffer.concat(parts.map((part) => Uint8Array.from(part))));

/** The configuration with this KEM out of application/ohttp-keys (RFC 9458 section 3). */
function configuration(list, wanted) {
  const view = Buffer.from(list);
  for (let at = 0; at < view.length; at += 2 + view.readUInt16BE(at)) {
    const kem = view.readUInt16BE(at + 3);
    if (kem === wanted) {
      return { id: view.readUInt8(at + 2), publicKey: list.slice(at + 5, at + 5 + PUBLIC_KEY_LENGTHS[kem]) };
    }
  }
  throw new Error("no such KEM");
}

async function hmac(key, data) {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, data));
}

/** The first block of HKDF-Expand (RFC 5869 section 2.3), which is all that is needed here. */
const expand = async (prk, info, length) => (await hmac(prk, concat(info, [1]))).slice(0, length);

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const hear = async () => JSON.parse((await lines.next()).value);
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

const asked = await hear();
const { id, publicKey } = configuration(bytes(asked.key_configs), asked.kem);
const suite = new HPKE.CipherSuite(KEMS[asked.kem], noble.KDF_HKDF_SHA256, AEADS[asked.aead]);
const header = Buffer.alloc(7);
header.writeUInt8(id, 0);
header.writeUInt16BE(asked.kem, 1);
header.writeUInt16BE(1, 3);
header.writeUInt16BE(asked.aead, 5);
const kind = asked.chunks ? "message/bhttp chunked" : "message/bhttp";
const info = concat(ascii(`${kind} request`), [0], header);
const key = await suite.DeserializePublicKey(publicKey);
const { encapsulatedSecret: enc, ctx } = await suite.SetupSender(key, { info });

/** A variable-length integer (RFC 9000 section 16) in four bytes: a form that the other side never writes for these lengths. */
function integer(value) {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(value + 0x80000000);
  return out;
}

/** The integer at the front of `data`, and how many bytes it has. */
function readInteger(data) {
  const size = 1 << (data[0] >> 6);
  let value = BigInt(data[0] & 0x3f);
  for (const byte of data.slice(1, size)) {
    value = value * 256n + BigInt(byte);
  }
  return [Number(value), size];
}

if (asked.chunks) {
  const parts = [header, enc];
  const final = asked.chunks.length - 1;
  for (const [number, chunk] of asked.chunks.entries()) {
    const sealed = await ctx.Seal(bytes(chunk), ascii(number === final ? "final" : ""));
    parts.push(integer(number === final ? 0 : sealed.length), sealed);
  }
  say({ request: hex(concat(...parts)) });
} else {
  say({ request: hex(concat(header, enc, await ctx.Seal(bytes(asked.plaintext)))) });
}

const response = bytes((await hear()).response);
const length = KEY_LENGTHS[asked.aead];
const secret = await ctx.Export(ascii(`${kind} response`), length);
const prk = await hmac(concat(enc, response.slice(0, length)), secret);
const aead = AEADS[asked.aead]();
const responseKey = await expand(prk, ascii("key"), length);
const base = await expand(prk, ascii("nonce"), 12);
const open = (nonce, aad, sealed) => aead.Open(responseKey, nonce, ascii(aad), sealed);

if (asked.chunks) {
  const chunks = [];
  let rest = response.slice(length);
  for (let counter = 0; ; counter += 1) {
    const nonce = Buffer.from(base);
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ counter) >>> 0, 8);
    const [size, width] = readInteger(rest);
    const end = size === 0 ? rest.length : width + size;
    chunks.push(hex(await open(Uint8Array.from(nonce), size === 0 ? "final" : "", rest.slice(width, end))));
    if (size === 0) {
      break;
    }
    rest = rest.slice(end);
  }
  say({ chunks });
} else {
  say({ plaintext: hex(await open(base, "", response.slice(length))) });
}
process.exit(0);
