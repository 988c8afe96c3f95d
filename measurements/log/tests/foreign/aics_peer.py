"""The foreign side of tests/aics.rs: aics-tlog and aics-witness, by their own interfaces.

read FOLDER LOG-KEY WITNESS-KEY   authenticates a log: cosigned checkpoint, every tile and bundle, every entry
write FOLDER                      writes a log of the entries on standard input (base64, one a line), cosigned; prints its keys and proofs
submit URL WITNESS-KEY FOLDER...  has a witness cosign the note of each folder in turn; prints what it answers
"""

import base64
import pathlib
import sys
import time

from aics_tlog import (
    Checkpoint, DirectoryTileStore, FileSystemTileReader, IncrementalTileWriter, Note, WitnessPolicy, audit_tiles,
    consistency_proof_from_tiles, cosignature_vkey, format_vkey, inclusion_proof_from_tiles, parse_note, parse_vkey, read_entry,
    sign_checkpoint, sign_cosignature, verify_checkpoint, verify_leaf_inclusion, vkey_from_ed25519,
)
from aics_witness.feeder import FeederError, WitnessClient
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def read(folder, log_key, witness_key):
    note = parse_note((pathlib.Path(folder) / "checkpoint").read_bytes())
    policy = WitnessPolicy(1, (parse_vkey(witness_key),), 3600)
    result = verify_checkpoint(note, parse_vkey(log_key), policy=policy)
    if not result.ok:
        sys.exit(f"refused: {result.error} {result.stale} {result.future}")
    reader, size, root = FileSystemTileReader(folder), result.size, result.root
    audit_tiles(reader, size, root)
    for index in range(size):
        entry = read_entry(reader, index, size)
        if not verify_leaf_inclusion(entry, index, size, inclusion_proof_from_tiles(reader, index, size), root):
            sys.exit(f"refused: entry {index}")
    print(size)


def write(folder):
    origin, name = "log.example/theirs", "witness.example/theirs"
    log, witness = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    writer = IncrementalTileWriter(DirectoryTileStore(folder))
    writer.append([base64.b64decode(line) for line in sys.stdin])
    size, root = writer.size, writer.root()
    note = sign_checkpoint(Checkpoint(origin, size, root), log, origin)
    _, line = sign_cosignature(witness, name, int(time.time()), origin, size, root)
    cosigned = Note(text=note.text, signatures=(*note.signatures, line))
    (pathlib.Path(folder) / "checkpoint").write_bytes(cosigned.to_bytes())
    print(format_vkey(vkey_from_ed25519(origin, log.public_key())))
    print(format_vkey(cosignature_vkey(name, witness.public_key())))
    reader = FileSystemTileReader(folder)
    for index in range(size):
        print(" ".join(base64.b64encode(h).decode() for h in inclusion_proof_from_tiles(reader, index, size)))


def submit(url, witness_key, *folders):
    client = WitnessClient(url, witness_key)
    for folder in folders:
        reader = FileSystemTileReader(folder)
        note = (pathlib.Path(folder) / "note").read_bytes()
        try:
            lines = client.submit(note, lambda old, new, reader=reader: consistency_proof_from_tiles(reader, old, new))
            print("cosigned", lines.count("\n"))
        except FeederError as error:
            print("refused", type(error).__name__)


{"read": read, "write": write, "submit": submit}[sys.argv[1]](*sys.argv[2:])
