"""Reads CoRIM files with a foreign CBOR decoder and prints one line of JSON for each: what a verifier would take from it."""

import json
import sys

import cbor2


def plain(value):
    """As JSON: bytes as hexadecimal, a tag as [number, content]."""
    if isinstance(value, cbor2.CBORTag):
        return [value.tag, plain(value.value)]
    if isinstance(value, bytes):
        return value.hex()
    if hasattr(value, "items"):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def whole(content):
    """One item, its bytes exactly the deterministic encoding of it."""
    item = cbor2.loads(content)
    return item, cbor2.dumps(item, canonical=True) == content


def read(path):
    with open(path, "rb") as stream:
        manifest, canonical = whole(stream.read())
    body, tags = manifest.value, []
    for tag in body[1]:
        comid, inner = whole(tag.value)
        canonical = canonical and inner
        tags.append({"tag": tag.tag, "comid": plain(comid)})
    profile = body.get(3)
    return {"tag": manifest.tag, "keys": sorted(body), "id": plain(body[0]), "profile": plain(profile), "tags": tags, "canonical": canonical}


for path in sys.argv[1:]:
    print(json.dumps(read(path)))
