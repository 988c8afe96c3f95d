// A device in another language: Oblivious HTTP (RFC 9458) over somebody else's HPKE, ML-KEM, X25519 and AEADs.
//
// node device.mjs FOLDER    FOLDER holds node_modules with the packages of package-lock.json.
// Speaks in lines of JSON; bytes are hexadecimal:
//   in  {"key_configs":..,"kem":..,"aead":..,"plaintext":..}     out {"request":..}
//   in  {"response":..}                                          out {"plaintext":..}
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
const info = concat(ascii("message/bhttp request"), [0], header);
const key = await suite.DeserializePublicKey(publicKey);
const { encapsulatedSecret: enc, ctx } = await suite.SetupSender(key, { info });
say({ request: hex(concat(header, enc, await ctx.Seal(bytes(asked.plaintext)))) });

const response = bytes((await hear()).response);
const length = KEY_LENGTHS[asked.aead];
const secret = await ctx.Export(ascii("message/bhttp response"), length);
const nonce = response.slice(0, length);
const prk = await hmac(concat(enc, nonce), secret);
const aead = AEADS[asked.aead]();
const plaintext = await aead.Open(
  await expand(prk, ascii("key"), length),
  await expand(prk, ascii("nonce"), 12),
  new Uint8Array(),
  response.slice(length),
);
say({ plaintext: hex(plaintext) });
process.exit(0);
